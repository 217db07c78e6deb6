# What is on the disk: the lock, the fence, the journal, the link.

# enter makes the root and goes there.
enter() {
	cd -P -- "$root" 2>/dev/null || { mkdir -p -- "$root" && cd -P -- "$root"; } ||
		fail preflight "the root $root cannot be made"
	[ -d "$state/releases" ] && [ -d releases ] && [ -d shared ] || mkdir -p "$state/releases" releases shared ||
		fail preflight "directories in the root $root cannot be made"
	root=$PWD # physical, since cd -P
}

# lock waits for the host's lock, which is held for every change and let go of by
# the kernel if this run dies. A restart may hold it as long as it may last.
lock() {
	exec 9>>"$state/lock"
	flock -n 9 || timeout "$((restart_limit + 15))" flock 9 || fail lock "another run held the host's lock for too long"
}

unlock() { exec 9>&-; }

# flush returns once paths are on the disk.
flush() { sync "$@" 2>/dev/null || sync; }

# put FILE TEXT writes a file of the state, whole or not at all, and durably.
put() {
	kept=$state/$1
	printf '%s\n' "$2" >"$state/tmp-put-$id" &&
		flush "$state/tmp-put-$id" &&
		mv -T -- "$state/tmp-put-$id" "$kept" &&
		flush "${kept%/*}"
}

# read_fence sets seen and seen_release: the highest order, and of which release.
read_fence() {
	seen=0 seen_release=-
	[ -e "$state/fence" ] || return 0
	read -r seen seen_release <"$state/fence" || seen=
	case $seen in
	'' | *[!0-9]*) fail fence "the fence in $root/$state/fence cannot be read" ;;
	esac
}

# admitted says whether this order may pass: a higher one, or the same once more.
admitted() {
	read_fence
	[ "$number" -gt "$seen" ] || { [ "$number" -eq "$seen" ] && [ "$release" = "$seen_release" ]; }
}

# raise makes this order the highest. What is there already it makes durable: the run
# that wrote it may have died before it was.
raise() {
	admitted || return 1
	if [ "$number" -eq "$seen" ]; then
		flush "$state/fence" "$state" || fail fence 'the fence cannot be made durable'
		return 0
	fi
	put fence "$number $release" || fail fence 'the fence cannot be written'
	[ ! -e "$state/answers" ] || rm -f -- "$state/answers" "$state"/turn-*
}

# fenced says whether this order is still the highest.
fenced() {
	read_fence
	[ "$number" = "$seen" ] && [ "$release" = "$seen_release" ]
}

stale() {
	read_fence
	answer "stale number=$seen"
}

# relock takes the lock for a change of this order, and stops if it was overtaken.
relock() {
	lock
	fenced || stale
}

# read_journal sets phase (new, adopted, switching, restarted, done), good (the link text that
# was confirmed last) and previous (the one that was confirmed before it).
read_journal() {
	phase=new good= previous=
	if [ -e "$state/journal" ]; then
		{
			read -r phase
			IFS= read -r good
			IFS= read -r previous
		} <"$state/journal" || fail journal "the journal in $root/$state/journal cannot be read"
	elif [ -L current ]; then
		phase=adopted good=$(readlink current)
	fi
}

write_journal() {
	put journal "$1
$good
$previous"
}

# read_link sets link to current's text and live to the release that it names: "-"
# for none, "other" for what was not made by this script.
read_link() {
	link= live=-
	[ -L current ] || return 0
	link=$(readlink current)
	live=${link#releases/}
	is_release "$live" || live=other
}

is_release() {
	case $1 in
	*[!0-9a-f]*) return 1 ;;
	esac
	[ "${#1}" -eq 64 ]
}

prepared() { [ -e "$state/releases/$1/PREPARED" ] && [ -d "releases/$1" ]; }

# settled says whether the release is live and was confirmed, with no switch cut off.
settled() { [ "$live" = "$release" ] && [ "$phase" = done ] && [ "$good" = "$link" ]; }

# linkable says whether current is what may be replaced.
linkable() { [ -L current ] || [ ! -e current ]; }
