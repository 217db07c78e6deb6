# follow makes what is declared live, until it is what is declared still.
follow() {
	chosen && get "$pointer" declared || return 1
	while read -r kind version number digest id <"$work/declared"; do
		[ "$kind $version" = 'muster-boot 1' ] || { echo "muster: the pointer is none" >&2; return 1; }
		case $number in '' | *[!0-9]*) return 1 ;; esac
		at=releases/${digest#sha256:}
		get "$at/script" script && get "$at/manifest" manifest || return 1
		sum=$(sed -n "s/.* pack=\([0-9a-f]\{64\}\).*/\1/p" "$work/script" | head -n 1)
		get "$at/pack-$sum" pack || return 1
		sh "$work/script" "$number" "$work" || return 1
		# Whoever declared another release meanwhile may have listed the members before
		# this one was there.
		mv "$work/declared" "$work/before"
		get "$pointer" declared || return 1
		cmp -s "$work/before" "$work/declared" && { echo "muster: $id is live by order $number" >&2; return 0; }
	done
}

# chosen finds the pointer that this instance follows: what is declared, but for the
# canary of a release in flight, which its tag tells. No tag, or none that it may read, is
# another answer than none at all.
chosen() {
	credentials || return 1
	rm -f "$work/signer"
	code=$(printf 'header = "X-aws-ec2-metadata-token: %s"\n' "$token" |
		curl -s -m 5 -K - -o "$work/tag" -w '%{http_code}' "$metadata/latest/meta-data/tags/instance/muster-boot")
	case $code in
	404) pointer=declared ;;
	200) pointer=$(cat "$work/tag") ;;
	*) echo "muster: the metadata answer $code" >&2; return 1 ;;
	esac
	case $pointer in
	declared | candidate) ;;
	*) echo "muster: the tag muster-boot is $pointer, not declared or candidate" >&2; return 1 ;;
	esac
}

# credentials writes those of the instance's role where curl reads them.
credentials() {
	token=$(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/latest/api/token") || return 1
	meta() { printf 'header = "X-aws-ec2-metadata-token: %s"\n' "$token" | curl -sf -m 5 -K - "$metadata/latest/meta-data/$1"; }
	role=$(meta iam/security-credentials/ | head -n 1) && meta "iam/security-credentials/$role" >"$work/role" || return 1
	field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" "$work/role"; }
	printf 'user = "%s:%s"\nheader = "x-amz-security-token: %s"\n' \
		"$(field AccessKeyId)" "$(field SecretAccessKey)" "$(field Token)" >"$work/signer"
	rm -f "$work/role"
}

# get NAME FILE fetches an object.
get() {
	credentials || { echo 'muster: this instance has no role' >&2; return 1; }
	curl -sSf --retry 3 -K "$work/signer" --aws-sigv4 "aws:amz:$region:s3" -o "$work/$2" "$objects/$prefix$1"
	code=$?
	rm -f "$work/signer"
	return "$code"
}

# complete tells Auto Scaling that this instance may serve. A canary never does.
complete() {
	[ -n "$hook" ] && [ "$pointer" = declared ] || return 0
	credentials && instance=$(meta instance-id) || return 1
	curl -sSf --retry 3 -K "$work/signer" --aws-sigv4 "aws:amz:$region:autoscaling" -o "$work/answer" "$scaling/" \
		-d Action=CompleteLifecycleAction -d Version=2011-01-01 -d LifecycleActionResult=CONTINUE \
		--data-urlencode "LifecycleHookName=$hook" --data-urlencode "AutoScalingGroupName=$group" -d "InstanceId=$instance"
	code=$?
	rm -f "$work/signer"
	return "$code"
}

umask 077
work=$(mktemp -d) || exit 1
pause=1
until follow && complete; do
	sleep "$pause"
	[ "$pause" -ge 60 ] || pause=$((pause * 2))
done
rm -rf "$work"
