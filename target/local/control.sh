# Starts and stops the supervisor of one host, and with it the app.
#
# It is run as: sh -c TEXT muster DIR GRACE (stop | restart SUPERVISOR PORT COMMAND...)
# DIR/supervisor/lock is held by whatever is left of supervisor and app: it is free
# exactly when nothing of them runs any more.

set -u
dir=$1 grace=$2 order=$3
shift 3

mkdir -p -- "$dir/supervisor" && cd -- "$dir/supervisor" || exit 1
exec 8>>lock

# signal NAME tells the supervisor; if it is gone and the app is not, the app. A group
# that has members keeps its number, so that nobody else can be meant.
signal() {
	[ -s pid ] && read -r pid <pid || return 0
	kill -s "$1" "$pid" 2>/dev/null || kill -s "$1" -- "-$pid" 2>/dev/null
}

stop() {
	flock -n 8 && return 0
	signal TERM
	timeout "$grace" flock 8 && return 0
	[ ! -s pid ] || kill -s KILL -- "-$(cat pid)" 2>/dev/null
	timeout 5 flock 8 && return 0
	echo "the app does not end: did it leave its process group?" >&2
	return 1
}

# start hands the lock on, and waits until the supervisor can be told to stop.
start() {
	rm -f pid
	[ "$(wc -c <log 2>/dev/null || echo 0)" -lt 10000000 ] || mv log log.1
	printf '%s\n' "$1" >script.new && mv -f script.new script || return 1
	shift
	setsid sh ./script "$dir" "$@" </dev/null >>log 2>&1 &
	tries=0
	until [ -s pid ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 500 ] || {
			echo "the supervisor does not start: see $dir/supervisor/log" >&2
			return 1
		}
		sleep 0.01 2>/dev/null || sleep 1
	done
}

stop || exit 1
[ "$order" = stop ] || start "$@"
