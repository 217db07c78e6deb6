# Fetching a release from URLs. A URL is a secret while it lasts: it comes by stdin, and
# is handed on in a file, so that no list of processes shows it.

# can_fetch wants a program that takes its URL from a file.
can_fetch() {
	command -v curl >/dev/null 2>&1 || wget --help 2>&1 | grep -q -e --start-pos ||
		fail preflight 'this host has neither curl nor a wget that takes its URL from a file (busybox has none): install curl'
}

# fetch reads lines of NAME URL from stdin, and brings what they name.
fetch() {
	wants=pack
	choose
	while read -r name url; do
		case $name in
		manifest)
			obtain manifest "$release" "$manifest_bytes"
			depot_time
			;;
		"$wants") obtain pack "$pack" "$pack_bytes" ;;
		esac
	done
}

# choose takes the offer, BASE:SUM:BYTES:PACKED, of what a base lacks, if the base is here.
choose() {
	prepared "${offer%%:*}" || return 0
	wants=offer base=${offer%%:*} pack=${offer#*:}
	pack_bytes=${pack#*:} pack=${pack%%:*}
	packed=${pack_bytes#*:} pack_bytes=${pack_bytes%:*}
}

# depot_time holds the clock, where nobody has asked, against the answer's date.
depot_time() {
	[ "$unasked" = yes ] || return 0
	now=$(cat "$in/head" "$in/said" | tr -d '\r' | awk '
		tolower($1) == "date:" && NF == 7 {
			m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $4) + 2) / 3
			y = m < 3 ? $5 - 1 : $5
			d = 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * ((m + 9) % 12) + 2) / 5) + $3 - 719469
			split($6, t, ":")
			now = d * 86400 + t[1] * 3600 + t[2] * 60 + t[3]
		}
		END { printf "%.0f", now }')
	[ "$now" -eq 0 ] || clock || give_up preflight "$wrong"
}

# obtain NAME SUM BYTES goes on where it was cut off, for as long as bytes come. What
# has another sum than it should is thrown away, and fetched anew once.
obtain() {
	part=$in/$1.part tries=0 wrong=0
	: >"$part" >"$in/head"
	printf '%s\n' "$url" >"$in/list"
	printf 'url = "%s"\n' "$url" >"$in/curl"
	while [ "$tries" -lt 6 ] && [ "$wrong" -lt 2 ]; do
		sleep "$tries"
		size=$(wc -c <"$part")
		sum=$({ cat "$part" && more "$size" | head -c "$(($3 - size))" | tee -a "$part"; } | sha256sum)
		[ "${sum%% *}" != "$2" ] || break
		judge_part "$3"
	done
	rm -f -- "$in/list" "$in/curl"
	[ "${sum%% *}" = "$2" ] && mv -T -- "$part" "$in/$1" && return 0
	tail -n 3 "$in/said" >&2
	[ "$wrong" -eq 0 ] || give_up fetch "the $1 that was fetched has another sha256 than it should: $sum"
	give_up fetch "the $1 cannot be fetched: $(wc -c <"$part") of $3 bytes came"
}

# judge_part BYTES sets what the next try does about a part that is not good yet.
judge_part() {
	was=$size size=$(wc -c <"$part")
	tries=$((tries + 1))
	if [ "$size" -ge "$1" ]; then
		wrong=$((wrong + 1))
		: >"$part"
	elif [ "$size" -gt "$was" ]; then
		tries=1
	elif grep -q '^curl: (33)' "$in/said"; then
		: >"$part" # this server sends all or nothing
	fi
}

# more SIZE writes what comes after the first SIZE bytes.
more() {
	if command -v curl >/dev/null 2>&1; then
		curl -q -sS -f -g -K "$in/curl" -D "$in/head" -C "$1" --connect-timeout 10 --speed-limit 1000 --speed-time 30
	else
		wget -q -S -O - -t 1 -T 30 --start-pos "$1" -i "$in/list" || echo "wget ended with $?" >&2
	fi </dev/null 2>"$in/said"
}
