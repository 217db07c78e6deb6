# Reading the host. With a number it raises the fence first.

observe() {
	refused=no
	if [ "$number" -gt 0 ]; then
		enter
		lock
		raise || refused=yes
		unlock
	elif [ -d "$root" ]; then
		cd -P -- "$root" || fail observe "the root $root cannot be entered"
		root=$PWD
	else
		answer 'observed refused=no number=0 live=- condition=vacant'
	fi
	read_fence
	read_journal
	read_link
	since=0
	judge "$@"
	[ "$condition" = unhealthy ] || problem=
	[ -z "$problem" ] || say "$problem"
	answer "observed refused=$refused number=$seen live=$live condition=$condition"
}

# judge sets condition and problem. The checks go from the disk to the process.
judge() {
	condition=unhealthy
	if ! linkable; then
		problem="$root/current is no link"
	elif [ -z "$link" ] && [ -z "$good" ]; then
		condition=vacant
	elif [ -z "$link" ]; then
		problem="$root/current is gone"
	elif [ "$live" = other ]; then
		problem="current points to $link, which is no release of muster"
	elif [ "$phase" != done ]; then
		problem='a switch is under way, or was cut off'
	elif [ "$link" != "$good" ]; then
		problem='current was changed by somebody else'
	elif ! prepared "$live"; then
		problem='the live release lacks its marker: it is not known to be whole'
	elif ! probe "$link" "$live" "$@"; then
		problem=$why
	else
		condition=serving
	fi
}
