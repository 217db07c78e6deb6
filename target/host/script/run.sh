# The run itself.

# What this run inherits may be somebody's lock: a deployer that is an app of this host
# holds its supervisor's. Kept here, the restart of that app would wait for this run,
# which waits for the restart.
exec 8>&- 9>&-

need awk cat chmod cmp comm cp date dd df find flock grep gzip head ln ls mkdir mv readlink rm rmdir sed sha256sum sleep sort sync tail tar tee timeout tr wc xargs
if [ -n "$url" ] && ! command -v curl >/dev/null 2>&1; then
	need wget
fi
[ -z "$parameters" ] || need aws

case $step in
check) check ;;
prepare) prepare ;;
guard) guard "$@" ;;
activate) activate "$@" ;;
observe) observe "$@" ;;
command) command_once "$@" ;;
*) fail preflight "unknown step $step" ;;
esac
