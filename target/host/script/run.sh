# The run itself.

need awk cat chmod cmp comm cp date df find flock grep gzip head ln ls mkdir mv readlink rm rmdir sed sha256sum sleep sort sync tail tar tee timeout tr wc xargs
if [ -n "$url" ] && ! command -v curl >/dev/null 2>&1; then
	need wget
fi

case $step in
check) check ;;
prepare) prepare ;;
guard) guard "$@" ;;
activate) activate "$@" ;;
observe) observe "$@" ;;
command) command_once "$@" ;;
*) fail preflight "unknown step $step" ;;
esac
