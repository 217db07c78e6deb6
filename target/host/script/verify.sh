# Bytes are held against the manifest, whose sha256 is the release's name.

# has_sum FILE SUM says whether it is the file's sha256. It sets sum. OpenSSL, where it is
# there, is several times as fast as the sha256sum of most systems, but only its yes counts.
has_sum() {
	sum=$(openssl dgst -sha256 -r "$1" 2>/dev/null) && [ "${sum%% *}" = "$2" ] && return 0
	sum=$(sha256sum <"$1") && [ "${sum%% *}" = "$2" ]
}

# known_manifest FILE says whether it is the manifest of this release. It is small.
known_manifest() { sum=$(sha256sum <"$1") && [ "${sum%% *}" = "$release" ]; }

# expected FILE lists a manifest as found lists a tree.
expected() {
	awk -F '\t' '
		$1 == "file" { print $2 " ./" $6 }
		$1 == "link" { print "link ./" $2 " -> " $3 }
	' "$1" | sort
}

# found DIR lists a tree: modes, links, and whatever has no place in one. Files that
# were linked are sealed already.
found() (
	cd -- "$1" || exit 1
	find . -type d -o \
		-type f '(' -perm 0644 -o -perm 0444 ')' -exec printf '0644 %s\n' {} + -o \
		-type f '(' -perm 0755 -o -perm 0555 ')' -exec printf '0755 %s\n' {} + -o \
		-type f -exec printf 'mode %s\n' {} + -o \
		-type l -exec sh -c 'for l; do printf "link %s -> %s\n" "$l" "$(readlink "$l")"; done' sh {} + -o \
		-exec printf 'device %s\n' {} + | sort
)

# same_tree MANIFEST DIR says whether exactly the manifest's files and links are there.
same_tree() {
	expected "$1" >"$state/tmp-expected-$id" && found "$2" >"$state/tmp-found-$id" || return 1
	cmp -s "$state/tmp-expected-$id" "$state/tmp-found-$id"
	same=$?
	[ "$same" -eq 0 ] || {
		say 'the tree is not the manifest'\''s; missing (first column) or too much (second):'
		comm -3 "$state/tmp-expected-$id" "$state/tmp-found-$id" | head -n 5 >&2
	}
	rm -f -- "$state/tmp-expected-$id" "$state/tmp-found-$id"
	return "$same"
}

# sums FILE writes a manifest as sha256sum reads it: a backslash in a name is
# doubled, and announced by one at the start of the line.
sums() {
	awk -F '\t' '
		$1 != "file" { next }
		{
			n = split($6, part, "\\")
			path = part[1]
			for (i = 2; i <= n; i++) path = path "\\\\" part[i]
			print (n > 1 ? "\\" : "") $4 "  ./" path
		}
	' "$1"
}

# same_content MANIFEST DIR says whether every file is there with the right bytes.
# Files beside the manifest's are not looked at: an app may have written some.
same_content() {
	! much "$1" || ! quickly "$1" "$2" || return 0
	sums "$1" >"$state/tmp-sums-$id" || return 1
	same=0
	if [ -s "$state/tmp-sums-$id" ]; then
		(cd -- "$2" && exec sha256sum -c) <"$state/tmp-sums-$id" >"$state/tmp-checked-$id" 2>&1
		same=$?
		[ "$same" -eq 0 ] || grep -v ': OK$' "$state/tmp-checked-$id" | head -n 5 >&2
	fi
	rm -f -- "$state/tmp-sums-$id" "$state/tmp-checked-$id"
	return "$same"
}

# much says whether the release of a manifest is so large that OpenSSL, where it is, is
# worth its start.
much() {
	command -v openssl >/dev/null 2>&1 || return 1
	awk -F '\t' '$1 == "file" && (n += $3) > 4000000 { exit found = 1 } END { exit !found }' "$1"
}

# quickly is same_content by OpenSSL. Where it does not say yes, it has not been asked.
quickly() {
	awk -F '\t' '$1 == "file" { print $4 " *./" $6 }' "$1" >"$state/tmp-sums-$id" && [ -s "$state/tmp-sums-$id" ] &&
		sed 's/^[^*]*\*//' "$state/tmp-sums-$id" | tr '\n' '\0' |
		(cd -- "$2" && xargs -0 openssl dgst -sha256 -r 2>/dev/null) | cmp -s - "$state/tmp-sums-$id"
	quick=$?
	rm -f -- "$state/tmp-sums-$id"
	return "$quick"
}
