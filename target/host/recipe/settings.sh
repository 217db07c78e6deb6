# Settings from a file in shared, which stands beside the releases.
shared=../../shared

# load takes lines as they are: they are settings, and no script.
load() {
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		'' | '#'*) continue ;;
		esac
		case ${line%%=*} in
		"$line" | '' | [0-9]* | *[!A-Za-z0-9_]*)
			echo "$settings has a line that is no NAME=VALUE" >&2
			exit 1
			;;
		esac
		export "$line"
	done
}

load_settings() {
	if [ -n "$settings" ]; then
		[ -r "$shared/$settings" ] || {
			echo "shared/$settings cannot be read: put it there first" >&2
			exit 1
		}
		read -r mark <"$shared/$settings" || :
		if [ "$mark" = '# quoted by muster' ]; then # every character of a value is, too
			set -a
			. "$shared/$settings"
			set +a
		else
			load <"$shared/$settings"
		fi
	fi
}

