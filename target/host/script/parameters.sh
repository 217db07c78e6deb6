# Settings and secrets from SSM's Parameter Store, fetched by the host itself with its
# own role. Values pass through pipes and into one file; no list of processes shows them.

# fetch_parameters writes what is beneath a path into a file in shared, whole or not at
# all.
fetch_parameters() {
	[ -n "$parameters" ] || return 0
	fetched=$in/parameters
	(
		umask 077
		timeout 60 aws ssm get-parameters-by-path --path "$parameters" --with-decryption \
			${parameters_region:+--region "$parameters_region"} --query 'sort_by(Parameters,&Name)[].[Name,Value][]' \
			--output json </dev/null >"$fetched.json"
	)
	code=$?
	[ "$code" -ne 124 ] || say 'aws did not end within 60 s: does this host reach the endpoint of SSM?'
	[ "$code" -eq 0 ] || give_up settings "the parameters beneath $parameters cannot be had: see what aws says; the role of this host needs ssm:GetParametersByPath on that path, and kms:Decrypt on the key of a SecureString"
	(
		umask 077
		quote_parameters <"$fetched.json" >"$fetched"
	) || give_up settings "the parameters right beneath $parameters cannot be settings"
	for name in $required; do
		grep -q "^$name=" "$fetched.names" || give_up settings "the parameter $parameters/$name is missing: put it there, right beneath that path and in the host's region"
	done
	case $parameters_file in
	*/*) mkdir -p -- "shared/${parameters_file%/*}" ;;
	esac
	flush "$fetched" && mv -T -- "$fetched" "shared/$parameters_file" && flush shared ||
		give_up settings "shared/$parameters_file cannot be written"
}

# quote_parameters turns JSON, a string a line, names and values by turns, into lines of
# NAME="VALUE" as both sh and systemd's EnvironmentFile read them. Names alone are
# written beside them: a value may look like one.
quote_parameters() {
	awk -v names="$fetched.names" '
		function hex(s, i, n) {
			for (i = 1; i <= length(s); i++) n = n * 16 + index("0123456789abcdef", tolower(substr(s, i, 1))) - 1
			return n
		}
		function utf8(n) {
			if (n < 128) return sprintf("%c", n)
			if (n < 2048) return sprintf("%c%c", 192 + int(n / 64), 128 + n % 64)
			if (n < 65536) return sprintf("%c%c%c", 224 + int(n / 4096), 128 + int(n / 64) % 64, 128 + n % 64)
			return sprintf("%c%c%c%c", 240 + int(n / 262144), 128 + int(n / 4096) % 64, 128 + int(n / 64) % 64, 128 + n % 64)
		}
		function text(s, out, c, n) {
			while ((c = index(s, "\\")) > 0) {
				out = out substr(s, 1, c - 1)
				s = substr(s, c + 1)
				c = substr(s, 1, 1)
				s = substr(s, 2)
				if (c == "u") {
					n = hex(substr(s, 1, 4))
					s = substr(s, 5)
					if (n >= 55296 && n < 56320) {
						n = 65536 + (n - 55296) * 1024 + hex(substr(s, 3, 4)) - 56320
						s = substr(s, 7)
					}
					if (n == 0) exit bad = 1
					out = out utf8(n)
				} else if (c in plain) out = out plain[c]
				else out = out c
			}
			return out s
		}
		function quoted(s, out, i, c) {
			for (i = 1; i <= length(s); i++) {
				c = substr(s, i, 1)
				out = out (index("\"\\$`", c) ? "\\" c : c)
			}
			return out
		}
		BEGIN {
			plain["n"] = "\n"; plain["t"] = "\t"; plain["r"] = "\r"; plain["b"] = "\b"; plain["f"] = "\f"
			print "# quoted by muster"
		}
		/^ *"/ {
			sub(/^ *"/, ""); sub(/",? *$/, "")
			if (++n % 2) {
				sub(/.*\//, "")
				if ($0 !~ /^[A-Za-z_][A-Za-z0-9_]*$/) {
					print "the parameter " $0 " has a name that no setting can have" >"/dev/stderr"
					exit bad = 1
				}
				name = $0
				print name "=" >names
			} else print name "=\"" quoted(text($0)) "\""
		}
		END {
			if (n == 0) print "there are none: see whether the path and the region are right" >"/dev/stderr"
			exit bad || n == 0 || n % 2
		}'
}
