# Running a command once inside a release that is prepared, such as a migration.

# command_once WORDS... runs the words in the foreground, bounded. What they leave running
# would go on when the deploy does, or hold it up: it is reported as that.
command_once() {
	enter
	prepared "$release" || answer unprepared
	(
		cd -- "releases/$release" || exit 1
		MUSTER_ARTIFACT=sha256:$release MUSTER_RUN=$id
		export MUSTER_ARTIFACT MUSTER_RUN
		timeout -k 5 "$limit" "$@"
	) </dev/null >&2
	code=$?
	left=$(grep -l -F -- "MUSTER_RUN=$id" /proc/[0-9]*/environ 2>/dev/null | sed 's|/proc/||; s|/environ||' | tr '\n' ' ')
	[ -z "$left" ] || fail command "the command has ended with $code and has left processes running, which nobody would end (it has to wait for them): $left"
	case $code in
	0) answer ok ;;
	124 | 137) fail command "the command did not end within $limit s" ;;
	*) fail command "the command ended with $code" ;;
	esac
}
