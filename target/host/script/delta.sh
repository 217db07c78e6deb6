# Delta packs: what a release has in common with one that is here already is not
# fetched, but linked.

# held sets have to releases that are here whole, the live one first.
held() {
	read_link
	have= n=0
	for old in "$live" releases/*; do
		old=${old#releases/}
		is_release "$old" && prepared "$old" || continue
		case ,$have, in
		*",$old,"*) continue ;;
		esac
		have=$have${have:+,}$old n=$((n + 1))
		[ "$n" -lt 4 ] || return 0
	done
}

# reuse links what the release has in common with the base. What is missing or wrong
# after that, for whatever reason, is found when the tree is held against the manifest.
reuse() {
	cp -al -- "releases/$base/." "$new" 2>"$in/said"
	common "$state/releases/$base/manifest" "$in/manifest" >"$in/common"
	(cd -- "$new" && find . ! -type d | sort | comm -23 - "../../$in/common" | tr '\n' '\0' | xargs -0 rm -f --)
	find "$new" -depth -mindepth 1 -type d -exec rmdir -- {} + 2>/dev/null
	:
}

# common MANIFEST MANIFEST lists the files that are in both, but not those that an app
# may write: a write into a linked file would spoil both releases.
common() {
	WRITABLE=$writable awk -F '\t' '
		BEGIN { n = split(ENVIRON["WRITABLE"], prefix, "\n") }
		function written(path, i) {
			for (i = 1; i < n; i++)
				if (path == prefix[i] || prefix[i] ~ /\/$/ && index(path, prefix[i]) == 1) return 1
			return 0
		}
		$1 != "file" { next }
		NR == FNR { was[$6] = $2 " " $3 " " $4; next }
		was[$6] == $2 " " $3 " " $4 && !written($6) { print "./" $6 }
	' "$1" "$2" | sort
}

# seal makes what may be linked read-only, for all that are not root.
seal() {
	find "$new" -type f -exec chmod a-w -- {} + || give_up unpack 'files cannot be made read-only'
	[ -z "$writable" ] || printf %s "$writable" | while IFS= read -r path; do
		[ -L "$new/${path%/}" ] || [ ! -e "$new/$path" ] || chmod -R u+w -- "$new/$path" || exit 1
	done || give_up unpack 'files that the app writes cannot be made writable'
}
