# Keeps the app of one host running: what current points to, again when it ends.
#
# It is run as: setsid sh ./script DIR PORT COMMAND...
# in DIR/supervisor, with the lock on descriptor 8, which the app inherits.

set -u
dir=$1 PORT=$2
export PORT
shift 2

app= nap= stopping=
trap 'stopping=yes; [ -z "$app$nap" ] || kill -TERM $app $nap 2>/dev/null' TERM

echo "$$" >pid.new && mv pid.new pid

# run starts the app once and waits for its end. A signal ends a wait, not the app.
run() {
	release=$(cd -- "$dir/current" && pwd -P) || return 0
	MUSTER_ARTIFACT=sha256:${release##*/}
	export MUSTER_ARTIFACT
	(cd -- "$release" && exec "$@") &
	app=$!
	[ -z "$stopping" ] || kill -TERM "$app" 2>/dev/null
	while kill -0 "$app" 2>/dev/null; do
		wait "$app"
		code=$?
	done
	app=
}

# rest waits longer after each crash, and a moment only after a life of ten seconds.
rest() {
	[ "$(($(date +%s) - born))" -lt 10 ] || delay=0
	case $delay in
	0) delay=0.1 ;;
	0.1) delay=0.5 ;;
	0.5) delay=1 ;;
	1) delay=2 ;;
	*) delay=5 ;;
	esac
	echo "muster: the app ended with ${code:-no start}, started again in $delay s" >&2
	sleep "$delay" 8>&- &
	nap=$!
	[ -z "$stopping" ] || kill -TERM "$nap" 2>/dev/null
	wait "$nap"
	nap=
}

delay=0
while [ -z "$stopping" ]; do
	born=$(date +%s) code=
	run "$@"
	[ -n "$stopping" ] || rest
done
