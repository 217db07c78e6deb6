# muster, the host's side: takes one host through one step of a release.
#
# It is run as: sh -c TEXT muster SETTING=VALUE... -- [RESTART... [CHECK...]]
# It may be killed at any command, run twice, and arrive late. Everything that it
# needs between two runs is on the disk; the last line that it prints is its answer.

set -u
LC_ALL=C
export LC_ALL
unset CDPATH
umask 022

step= nonce= root= number=0 release=-
bytes=0 files=0 now=0 skew=0 pack= pack_bytes=0 packed=gzip manifest_bytes=0 from=stdin unasked=no offer= shared= base= writable=
parameters= parameters_file= parameters_region= required=
url= named=no probes=1 interval=1 patience=3000 probe_limit=5 restart_limit=60 limit=3600
retire=no keep=' '
restarts=0 checks=0

# "$@" is what to run: the restart command's words, then the check's.
for setting; do
	shift
	case $setting in
	--) break ;;
	step=*) step=${setting#*=} ;;
	nonce=*) nonce=${setting#*=} ;;
	root=*) root=${setting#*=} ;;
	number=*) number=${setting#*=} ;;
	release=*) release=${setting#*=} ;;
	bytes=*) bytes=${setting#*=} ;;
	files=*) files=${setting#*=} ;;
	now=*) now=${setting#*=} ;;
	skew=*) skew=${setting#*=} ;;
	pack=*) pack=${setting#*=} ;;
	pack_bytes=*) pack_bytes=${setting#*=} ;;
	packed=*) packed=${setting#*=} ;;
	manifest_bytes=*) manifest_bytes=${setting#*=} ;;
	unasked=*) unasked=${setting#*=} ;;
	offer=*) offer=${setting#*=} ;;
	from=*) from=${setting#*=} ;;
	shared=*) shared="$shared${setting#*=}
" ;;
	parameters=*) parameters=${setting#*=} ;;
	parameters_file=*) parameters_file=${setting#*=} ;;
	parameters_region=*) parameters_region=${setting#*=} ;;
	required=*) required="$required ${setting#*=}" ;;
	base=*) base=${setting#*=} ;;
	writable=*) writable="$writable${setting#*=}
" ;;
	url=*) url=${setting#*=} ;;
	named=*) named=${setting#*=} ;;
	probes=*) probes=${setting#*=} ;;
	interval=*) interval=${setting#*=} ;;
	patience=*) patience=${setting#*=} ;;
	probe_limit=*) probe_limit=${setting#*=} ;;
	limit=*) limit=${setting#*=} ;;
	restart_limit=*) restart_limit=${setting#*=} ;;
	retire=*) retire=${setting#*=} ;;
	keep=*) keep="$keep${setting#*=} " ;;
	restarts=*) restarts=${setting#*=} ;;
	checks=*) checks=${setting#*=} ;;
	*)
		printf 'muster: unknown setting %s\n' "$setting" >&2
		exit 64
		;;
	esac
done

id=$nonce.$$  # of this run: what its temporary names end in
newline='
'
state=.muster # beside releases, shared and current; the run stands in the root

# say tells people. The one who started this may be gone: a broken pipe must end a
# subshell, not the run.
say() { (printf '%s\n' "$*" >&2) || :; }

# answer ends the run with its one machine-readable line, cut or not cut.
answer() {
	(printf 'muster %s %s end\n' "$nonce" "$*") || :
	exit 0
}

# fail PHASE TEXT... ends a run that changed nothing which has to be put back.
fail() {
	in_phase=$1
	shift
	say "$*"
	answer "failed phase=$in_phase back=untouched"
}

need() {
	missing=
	for tool; do
		command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
	done
	[ -z "$missing" ] || fail preflight "this host lacks these tools, install them:$missing"
}
