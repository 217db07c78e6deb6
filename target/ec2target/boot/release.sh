# The rest of the script of a release: run as sh SCRIPT NUMBER DIR, with its manifest and
# pack in that directory. It does to this host what a fleet would have done to it, once each.

set -u
number=$1
dir=${2:-.} # a launch template may be older than this
nonce=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')

# run SETTINGS... runs one step of the host's script. Its answer is its last line.
run() { sh -c "$host" muster "$@"; }

# said WORD FILE says whether the answer is that word.
said() { tail -n 1 "$2" | grep -q "^muster $nonce $1 .*end\$\|^muster $nonce $1 end\$"; }

[ "$(sha256sum <"$dir/pack")" = "$sum  -" ] || {
	echo 'muster: the pack that was fetched has another sha256 than it should: the release cannot be prepared' >&2
	exit 1
}
cat "$dir/manifest" "$dir/pack" | prepare >"$dir/answer"
said prepared "$dir/answer" || {
	echo "muster: the release cannot be prepared: $(tail -n 1 "$dir/answer")" >&2
	exit 1
}
activate </dev/null >"$dir/answer"
said ok "$dir/answer" || {
	echo "muster: the release cannot be activated: $(tail -n 1 "$dir/answer")" >&2
	exit 1
}
