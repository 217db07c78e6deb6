# Is it healthy, and is it the release? All of this asks and changes nothing.

# first N WORDS... runs the first N of the words.
first() {
	n=$1 i=0
	shift
	for word; do
		shift
		[ "$i" -ge "$n" ] || set -- "$@" "$word"
		i=$((i + 1))
	done
	"$@"
}

# probe LINK RELEASE WORDS... asks once. It sets why when it says no.
probe() {
	why=
	if [ "$checks" -gt 0 ]; then
		probe_command "$@" || return 1
	fi
	if [ -n "$url" ]; then
		probe_http "$1" "$2"
	elif [ "$checks" -eq 0 ] && [ "$restarts" -gt 0 ]; then
		probe_process "$1"
	fi
}

# probe_command runs the check command inside the release: it asks, with the name of
# the release in its environment, and by ending with 0 it says yes.
probe_command() {
	(
		cd -- "$1" || exit 1
		MUSTER_ARTIFACT=sha256:$2
		export MUSTER_ARTIFACT
		shift "$((restarts + 2))"
		exec timeout -k 1 "$probe_limit" "$@" </dev/null >&2 8>&- 9>&-
	) && return 0
	why='the check command says no'
	return 1
}

# probe_http wants status 200 from an answer that names the release, or, where it
# names none, from a process that runs inside of it.
probe_http() {
	answered=$(head_of | awk '
		{ sub(/\r$/, "") }
		$1 ~ /^HTTP\// { code = $2; name = "" }
		tolower($1) == "muster-artifact:" { name = $2 }
		END { print code " " name }
	')
	code=${answered%% *} name=${answered#* }
	if [ "$code" != 200 ]; then
		why="the health check got ${code:-no answer}${code:+, not 200}"
		return 1
	fi
	case $2/$name in
	other/* | */"sha256:$2") return 0 ;;
	*/) ;;
	*)
		why="the health check was answered by $name, which is another release: an old process serves still"
		return 1
		;;
	esac
	if [ "$named" = yes ]; then
		why='the health check was answered without the header Muster-Artifact'
		return 1
	fi
	[ "$restarts" -eq 0 ] || probe_process "$1"
}

head_of() {
	if command -v curl >/dev/null 2>&1; then
		curl -q -s -g --noproxy '*' --max-time "$probe_limit" -o /dev/null -D - -- "$url"
	else
		timeout "$probe_limit" wget -q -S -O /dev/null -T "$probe_limit" -- "$url" 2>&1
	fi
}

# probe_process wants a process inside the release that is as young as the switch.
probe_process() {
	dir=$(cd -- "$1" && pwd -P) || return 1
	for pid in $(processes | inside "$dir"); do
		started "$pid"
		[ "$ticks" -lt "$since" ] || return 0
	done
	why='no process that was started since the switch runs inside the release'
	return 1
}

# processes lists "PID PATH" of what all processes stand in and run.
processes() { ls -l /proc/[0-9]*/cwd /proc/[0-9]*/exe 2>/dev/null | sed -n 's|^.* /proc/\([0-9]*\)/[a-z]* -> |\1 |p'; }

# inside DIR keeps the process numbers of what is in a directory.
inside() {
	DIR=$1 awk '{
		path = substr($0, index($0, " ") + 1)
		if (path == ENVIRON["DIR"] || index(path, ENVIRON["DIR"] "/") == 1) print $1
	}'
}

# started PID sets ticks to when it started: the kernel's clock, which never jumps.
started() {
	ticks=0
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	started_at ${stat##*) }
}

started_at() { ticks=${20:-0}; }

# uptime sets now, in hundredths of a second.
uptime() {
	read -r now ignored </proc/uptime
	now=${now%%.*}${now#*.}
}

pause() { sleep "$interval" 2>/dev/null || sleep 1; }

# confirm LINK RELEASE WORDS... wants good answers in a row, in time.
confirm() {
	uptime
	deadline=$((now + patience)) row=0
	while :; do
		fenced || stale
		if probe "$@"; then
			row=$((row + 1))
			[ "$row" -lt "$probes" ] || return 0
		else
			row=0
		fi
		uptime
		[ "$now" -lt "$deadline" ] || break
		pause
	done
	say "not healthy after $((patience / 100)).$((patience / 10 % 10)) s: ${why:-too few good answers in a row}"
	return 1
}

# healthy wants the first answers to be good: it is no time of grace.
healthy() {
	row=0
	while probe "$@"; do
		row=$((row + 1))
		[ "$row" -lt "$probes" ] || return 0
		pause
	done
	return 1
}
