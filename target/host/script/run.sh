# The run itself.

need awk cat cmp comm df find flock grep gzip head ln ls mkdir mv readlink rm sed sha256sum sleep sort sync tail tar tee timeout wc
if [ -n "$url" ] && ! command -v curl >/dev/null 2>&1; then
	need wget
fi

case $step in
check) check ;;
prepare) prepare ;;
guard) guard "$@" ;;
activate) activate "$@" ;;
observe) observe "$@" ;;
*) fail preflight "unknown step $step" ;;
esac
