# Restarts a process that nothing supervises: sh -c TEXT process GRACE SETTINGS N NAME=VALUE... WORDS...
# It stands in a release; shared is beside the releases.
set -u
grace=$1 settings=$2 n=$3
shift 3
run=../../shared/process
mkdir -p -m 700 "$run" || exit 1

# born PID prints when a process has begun, so that no other one of its number is taken for it.
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# lives says whether a process of the group of PID still runs. One that has ended, and that
# its parent has not noticed yet, does not: in a container there may be nobody who does.
lives() {
	kill -0 "-$1" 2>/dev/null || return 1
	cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' |
		awk -v group="$1" '$3 == group && ($1 != "Z" || $18 > 1) { found = 1 } END { exit !found }'
}

stop() {
	[ -s "$run/pid" ] || return 0
	read -r pid since <"$run/pid"
	[ -n "$since" ] && [ "$(born "$pid")" = "$since" ] || return 0
	kill -TERM "-$pid" 2>/dev/null
	left=$((grace * 10))
	while lives "$pid"; do
		[ "$left" -gt 0 ] || kill -KILL "-$pid" 2>/dev/null
		[ "$left" -gt -50 ] || {
			echo "the old process $pid cannot be ended" >&2
			exit 1
		}
		left=$((left - 1))
		sleep 0.1 2>/dev/null || sleep 1
	done
}

load_settings
while [ "$n" -gt 0 ]; do
	export "$1"
	shift
	n=$((n - 1))
done
stop
rm -f "$run/pid"
setsid sh -c '
	run=$1
	shift
	echo "$$ $(sed "s/.*) //" /proc/$$/stat | cut -d" " -f20)" >"$run/pid.new" && mv "$run/pid.new" "$run/pid" && exec "$@"
' sh "$run" "$@" </dev/null >>"$run/log" 2>&1 &
left=100
until [ -s "$run/pid" ]; do
	[ "$left" -gt 0 ] || {
		echo 'the process was not started' >&2
		exit 1
	}
	left=$((left - 1))
	sleep 0.1 2>/dev/null || sleep 1
done
