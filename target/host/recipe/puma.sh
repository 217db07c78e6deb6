# Has puma replace its workers: sh -c TEXT puma PIDFILE LIMIT [WORDS...]
# Those that ran before are gone when it has ended, and there are as many new ones. Where
# no puma runs, the words start one.
set -u
pidfile=$1 limit=$2
shift 2
master=
[ ! -r "$pidfile" ] || read -r master <"$pidfile" # which has no end of line: read says no
# After a crash, or when the machine has started again, its number may be a stranger's.
[ -n "$master" ] && tr '\0' ' ' <"/proc/$master/cmdline" 2>/dev/null | grep -q puma || {
	[ "$#" -eq 0 ] || exec "$@"
	echo "no puma runs by $pidfile" >&2
	exit 1
}

# workers prints the children of the master. A process may end while all are read.
workers() {
	cat /proc/[0-9]*/stat 2>/dev/null | sed 's/ (.*) / /' | awk -v master="$master" '$3 == master && $2 != "Z" { print $1 }' | sort
}

old=$(workers)
[ -n "$old" ] || {
	echo 'this puma has no workers: a phased restart needs a cluster' >&2
	exit 1
}
count=$(echo "$old" | wc -l)
kill -USR1 "$master" || exit 1
left=$((limit * 5))
while :; do
	now=$(workers)
	both=$(printf '%s\n%s\n' "$old" "$now" | sort | uniq -d)
	[ -n "$both" ] || [ "$(echo "$now" | wc -l)" -lt "$count" ] || exit 0
	[ "$left" -gt 0 ] || {
		echo "workers of before still run after $limit s:" $both >&2
		exit 1
	}
	left=$((left - 1))
	sleep 0.2 2>/dev/null || sleep 1
done
