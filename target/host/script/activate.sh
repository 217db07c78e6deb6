# Making a prepared release live, and putting back what was live before.

# guard raises the fence, and says what activate would do.
guard() {
	enter
	lock
	raise || stale
	read_journal
	read_link
	unlock
	since=0
	if settled && healthy "releases/$release" "$release" "$@"; then
		finish "$@"
	fi
	prepared "$release" || answer unprepared
	answer needed
}

activate() {
	enter
	lock
	raise || stale
	take_turn
	replay
	read_journal
	read_link
	unlock
	since=0
	if settled && healthy "releases/$release" "$release" "$@"; then
		finish "$@"
	fi
	if ! restarted || ! confirm "releases/$release" "$release" "$@"; then
		sound
		switch "$@"
		confirm "releases/$release" "$release" "$@" || revert confirm "$@"
	fi
	finish "$@"
}

# restarted says whether an order that died, or was overtaken, had got as far as the
# end of the restart: what is left to do is to ask. A deployer that runs on this host
# is ended by the restart that it has ordered; its successor, which gives the order
# again, would restart itself for ever.
restarted() { [ "$phase" = restarted ] && [ "$live" = "$release" ]; }

# take_turn has two runs of one order work one after the other. A newer order does
# not wait for this: the lock, which is held, is let go of before.
take_turn() {
	exec 8>>"$state/turn-$number"
	! flock -n 8 || return 0
	unlock
	timeout "$((2 * (patience / 100 + restart_limit) + 30))" flock 8 || fail lock 'the same order is at work already'
	relock
}

# replay gives the answer that this very command has had: it was delivered twice.
replay() {
	[ -e "$state/answers" ] || return 0
	while read -r of said; do
		[ "$of" != "$nonce" ] || answer "$said"
	done <"$state/answers"
}

# conclude ANSWER ends the run, and keeps the answer until a higher order comes.
# The lock is held.
conclude() {
	before=
	[ ! -e "$state/answers" ] || while IFS= read -r line; do
		before=$before$line$newline
	done <"$state/answers"
	put answers "$before$nonce $1" || say 'the answer cannot be kept'
	unlock
	answer "$1"
}

# sound reads the release once more, before anything is touched. One that has
# changed since is none any more.
sound() {
	prepared "$release" || answer unprepared
	kept=$state/releases/$release/manifest
	if known_manifest "$kept" && same_content "$kept" "releases/$release"; then
		return 0
	fi
	relock
	rm -f -- "$state/releases/$release/PREPARED"
	flush "$state/releases/$release"
	say 'the prepared release has changed on the disk: it has to be prepared once more'
	answer unprepared
}

# switch swaps and restarts under one lock: nothing newer comes between.
switch() {
	relock
	prepared "$release" || answer unprepared
	was=$phase
	write_journal switching || fail switch 'the journal cannot be written'
	swap "releases/$release" || {
		write_journal "$was"
		fail switch "current still is ${link:-nothing}"
	}
	restart "releases/$release" "$release" "$@"
	up=$?
	[ "$up" -ne 0 ] || write_journal restarted || say 'the journal cannot be written'
	unlock
	[ "$up" -eq 0 ] || revert restart "$@"
}

# swap LINK replaces current at once and reads it back. A temporary link of a name
# that exists would be made inside of what it points to: it is unique, and removed.
swap() {
	linkable || {
		say "$root/current is no link: move it away first"
		return 1
	}
	gone "$state/tmp-link-$id" &&
		ln -s -- "$1" "$state/tmp-link-$id" &&
		mv -T -- "$state/tmp-link-$id" current &&
		[ "$(readlink current)" = "$1" ] &&
		flush .
}

# gone PATH removes what is there: mostly nothing, which is not worth a process.
gone() { { [ ! -e "$1" ] && [ ! -L "$1" ]; } || rm -rf -- "$1"; }

# restart LINK RELEASE WORDS... runs the restart command, bounded. Only the timeout
# around it holds the lock, also if this run dies: what it starts does not.
restart() {
	started self
	since=$ticks
	[ "$restarts" -gt 0 ] || return 0
	(
		cd -- "$1" || exit 1
		MUSTER_ARTIFACT=sha256:$2
		export MUSTER_ARTIFACT
		shift 2
		first "$((restarts + 9))" exec timeout -k 5 "$restart_limit" sh -c 'exec "$@" 8>&- 9>&-' sh "$@"
	) </dev/null >"$state/restart.log" 2>&1
	code=$?
	[ "$code" -ne 0 ] || return 0
	tail -c 2000 "$state/restart.log" >&2
	case $code in
	124 | 137) say "the restart command did not end within $restart_limit s (RestartLimit): it has to start the app and end" ;;
	*) say "the restart command ended with $code" ;;
	esac
	return 1
}

# finish writes down that the release is good, and only then.
finish() {
	relock
	read_journal
	read_link
	[ "$live" = "$release" ] || conclude 'failed phase=confirm back=none'
	if [ "$good" != "$link" ]; then
		previous=$good good=$link
	fi
	[ "$phase" = done ] || write_journal done || fail confirm 'the journal cannot be written'
	[ "$retire" = no ] || retire
	conclude ok
}

# revert PHASE WORDS... puts back what served before, restarts it and asks it.
revert() {
	failed=$1
	shift
	relock
	back=${good#releases/}
	is_release "$back" || back=other
	write_journal switching || say 'the journal cannot be written'
	if [ -z "$good" ] || [ "$good" = "releases/$release" ] || [ ! -d "$good" ]; then
		conclude "failed phase=$failed back=none"
	fi
	swap "$good" && restart "$good" "$back" "$@"
	reverted=$?
	[ "$reverted" -ne 0 ] || write_journal restarted || say 'the journal cannot be written'
	unlock
	[ "$reverted" -eq 0 ] && confirm "$good" "$back" "$@"
	reverted=$?
	relock
	if [ "$reverted" -ne 0 ]; then
		write_journal switching || say 'the journal cannot be written'
		conclude "failed phase=$failed back=failed"
	fi
	write_journal done
	conclude "failed phase=$failed back=done"
}
