# Bringing a release to the host without showing it.

# check says whether the release is here; if not, whether there is room for it.
check() {
	ready
	clock || fail preflight "$wrong"
	sweep
	held
	answer "wanted have=$have"
}

# ready ends the run if the release is here, or cannot be.
ready() {
	enter
	lock
	not_lower
	if prepared "$release"; then
		remember
		answer prepared
	fi
	unlock
	linkable || fail preflight "$root/current is no link: move it away first"
	case $(mv --help 2>&1) in
	*-T*) ;;
	*) fail preflight 'mv on this host has no -T' ;;
	esac
	[ "$from" = stdin ] || can_fetch
	room
}

# clock wants this host and the one who asks to agree on the time, more or less: with a
# wrong one no certificate is good, and what is swept by age goes too soon or never.
clock() {
	off=$(($(date +%s) - now))
	wrong="the clock is $off s ahead of the deployer's (below zero: behind): one of them is wrong, and has to be set"
	[ "$off" -le "$skew" ] && [ "$off" -ge "-$skew" ]
}

not_lower() {
	read_fence
	[ "$number" -ge "$seen" ] || stale
}

# remember writes the marker with the number of the highest order that asked for
# the release: an order from before it does not retire it.
remember() {
	asked=0
	[ ! -s "$state/releases/$release/PREPARED" ] || read -r asked <"$state/releases/$release/PREPARED"
	if [ "$number" -gt "$asked" ]; then
		put "releases/$release/PREPARED" "$number" || fail prepare 'the marker cannot be written'
	else
		flush "$state/releases/$release" # the run that wrote it may have died before it was durable
	fi
}

# room wants twice the release's size, and its number of files, to be free: none of them
# takes less than a block, and neither does what is kept beside them.
room() {
	fourth "$(df -Pk .)"
	wanted=$((bytes / 512 + 4 * files + 64))
	[ "$free" -ge "$wanted" ] ||
		fail preflight "the disk has $free KiB free, wanted are $wanted for a release of $((bytes / 1024)): make room on it"
	fourth "$(df -Pi . 2>/dev/null)"
	case $all,$free in
	0,* | *, | *,*[!0-9]*) return 0 ;; # this file system does not count them
	esac
	[ "$free" -ge "$((files + files / 2 + 100))" ] ||
		fail preflight "the disk has $free inodes free, the release has $files files: make room on it"
}

# fourth TEXT sets free to the fourth column of what df says, and all to the second.
fourth() {
	{
		read -r ignored
		read -r ignored all ignored free ignored
	} <<-END
		$1
	END
}

# sweep removes what runs that died left behind, a day later.
sweep() {
	find releases "$state" -maxdepth 1 '(' -name '.tmp-*' -o -name 'tmp-*' -o -name 'turn-*' ')' -mtime +0 -exec rm -rf -- {} + 2>/dev/null
	:
}

# prepare takes manifest and pack from stdin, one after the other, or their URLs. The marker
# comes last: until then there is no release. Unasked, it looks first whether it is to be done.
prepare() {
	if [ "$unasked" = yes ]; then ready; else enter; fi
	in=$state/tmp-in-$id new=releases/.tmp-$release-$id
	mkdir -m 700 -- "$in" && mkdir -- "$new" || fail prepare 'temporary directories cannot be made'
	receive
	[ "$unasked" = no ] || sweep
	unpack
	rm -f -- "$in/pack" # or its bytes would be synced, too
	seal
	fetch_parameters
	link_shared
	sync -f "$new" 2>/dev/null || sync
	place
	rm -rf -- "$in" "$new" "$new.old"
	answer prepared
}

# give_up PHASE TEXT... is fail, and cleans up. On a disk that is full, what a tool said
# may be less than that.
give_up() {
	fourth "$(df -Pk . 2>/dev/null)"
	[ "${free:-1}" != 0 ] || say 'the disk is full: make room on it'
	rm -rf -- "$in" "$new"
	fail "$@"
}

receive() {
	case $from in
	stdin) head_of_stdin "$manifest_bytes" >"$in/manifest" ;;
	*) fetch ;;
	esac
	known_manifest "$in/manifest" || give_up fetch 'the manifest that arrived is not the one that the release is named by'
	[ "$from" = stdin ] || has_sum "$in/pack" "$pack" ||
		give_up fetch 'the pack that arrived has another sha256 than the one that was sent'
}

# head_of_stdin BYTES takes what comes first, and not a byte of what follows.
head_of_stdin() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null || dd bs=1 count="$1" 2>/dev/null; }

unpack() {
	how=unpack
	[ -z "$base" ] || how=delta
	[ "$how" = unpack ] || reuse
	if [ "$from" = stdin ]; then extract; else extract <"$in/pack"; fi ||
		give_up "$how" 'the pack did not arrive whole, or cannot be unpacked'
	same_tree "$in/manifest" "$new" || give_up "$how" 'the release was refused'
	same_content "$in/manifest" "$new" || give_up "$how" 'the release was refused: its bytes are not the manifest'\''s'
}

# extract unpacks what comes as it comes. What that is, is found by looking at the tree.
extract() {
	case $packed in
	gzip) gzip -dc | tar -xpof - -C "$new" ;;
	*) tar -xpof - -C "$new" ;;
	esac
}

# link_shared points paths of the release into shared, which outlives releases.
link_shared() {
	[ -n "$shared" ] || return 0
	printf %s "$shared" | while IFS= read -r path; do
		link_one "$path" || exit 1
	done || give_up shared 'shared paths cannot be linked'
}

link_one() {
	path=${1%/} up=../..
	[ "$path" = "$1" ] || mkdir -p -- "shared/$path" || return 1
	[ -e "shared/$path" ] || {
		say "shared/$path is missing on this host: put it there first"
		return 1
	}
	[ ! -e "$new/$path" ] && [ ! -L "$new/$path" ] || {
		say "the release holds $path itself, which is to be shared"
		return 1
	}
	rest=$path
	while [ "$rest" != "${rest#*/}" ]; do
		rest=${rest#*/} up=../$up
	done
	case $path in
	*/*) mkdir -p -- "$new/${path%/*}" || return 1 ;;
	esac
	ln -s -- "$up/shared/$path" "$new/$path"
}

# place renames what was unpacked to its name. What is there without a marker is
# put aside first: it was cut off, or found to be damaged.
place() {
	lock
	not_lower
	if ! prepared "$release"; then
		rm -rf -- "$state/releases/$release" &&
			mkdir -- "$state/releases/$release" &&
			mv -T -- "$in/manifest" "$state/releases/$release/manifest" || give_up prepare 'the manifest cannot be kept'
		[ ! -e "releases/$release" ] || mv -T -- "releases/$release" "$new.old" || give_up prepare 'leftovers cannot be moved away'
		mv -T -- "$new" "releases/$release" || give_up prepare 'the release cannot be renamed'
		flush "$state/releases/$release/manifest" "$state/releases/$release" "$state/releases" releases ||
			give_up prepare 'the release cannot be brought to the disk'
	fi
	remember
	unlock
}
