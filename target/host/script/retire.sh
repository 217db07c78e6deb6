# Removing releases that nobody needs. What goes wrong here is a warning.

# retire drops what is not named, not live, not the way back, not asked for by a
# later order and not in use. The lock is held, the link is read; the slow part comes
# after a rename.
retire() {
	for dir in releases/*; do
		old=${dir#releases/}
		is_release "$old" && [ -d "$dir" ] || continue
		needed || drop
	done
	gone "$state/tmp-processes-$id"
	gone "releases/.tmp-retired-$id"
}

needed() {
	case $keep in
	*" $old "*) return 0 ;;
	esac
	[ "$dir" != "$good" ] && [ "$dir" != "$previous" ] && [ "$dir" != "$link" ] || return 0
	asked=0
	[ ! -s "$state/releases/$old/PREPARED" ] || read -r asked <"$state/releases/$old/PREPARED"
	[ "$asked" -le "$number" ] || return 0
	[ -e "$state/tmp-processes-$id" ] || processes >"$state/tmp-processes-$id"
	[ -n "$(inside "$root/$dir" <"$state/tmp-processes-$id")" ]
}

drop() {
	mkdir -p "releases/.tmp-retired-$id" &&
		rm -f -- "$state/releases/$old/PREPARED" &&
		flush "$state/releases/$old" 2>/dev/null
	mv -T -- "$dir" "releases/.tmp-retired-$id/$old" && rm -rf -- "$state/releases/$old" ||
		say "warning: the old release $old cannot be removed"
}
