package runcommand

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
)

// kept is how much of the end of what the script said comes through, and of its answer,
// in bytes: SSM shows 2,500 of both.
const kept = 900

// The host unpacks the script into a file that nobody else reads: on a command line, a
// list of processes would show what it holds. Then it says, in this order: the end of
// what the script said, the answer, and all of it once more, for the log.
//
// The %[1]s has no character that means anything to a shell, or to SSM.
const wrapper = `umask 077
muster=$(mktemp -d) || exit 70
printf %%s %[1]s | base64 -d | gzip -dc >"$muster/script" || exit 70
sh "$muster/script" >"$muster/out" 2>"$muster/err"
code=$?
tail -c %[2]d "$muster/err"
printf '\n'
tail -n 1 "$muster/out" | tail -c %[2]d
cat "$muster/err" >&2
rm -rf "$muster"
exit "$code"
`

// wrap returns what AWS-RunShellScript is to run: a text that ends with a script. It is
// packed in two parts, which gzip puts together: the script, by far the most of it, is
// the same for every command that is sent.
func wrap(text, script string) string {
	head := strings.TrimSuffix(text, script)
	packed := pack(head)
	if len(head) < len(text) {
		packed = append(packed, packedOnce(script)...)
	}
	return fmt.Sprintf(wrapper, base64.StdEncoding.EncodeToString(packed), kept)
}

func pack(text string) []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is one
	_, _ = w.Write([]byte(text))                               // a buffer takes all
	_ = w.Close()
	return packed.Bytes()
}

// last is the script that was packed last, and what came of it.
var last atomic.Pointer[struct {
	script string
	packed []byte
}]

func packedOnce(script string) []byte {
	if l := last.Load(); l != nil && l.script == script {
		return l.packed
	}
	packed := pack(script)
	last.Store(&struct {
		script string
		packed []byte
	}{script, packed})
	return packed
}

// SSM puts this before what was written to stderr, and that at the end of what it cuts.
const (
	errorMark = "\n----------ERROR-------\n"
	cutMark   = "\n---Output truncated---"
)

// unwrap takes an output apart: the answer, under the call's own nonce, and what the
// script said before it.
func unwrap(output, common, own string) (stdout, stderr string) {
	output, _, _ = strings.Cut(output, errorMark)
	output = strings.TrimSuffix(strings.TrimRight(output, "\r\n"), cutMark)
	at := strings.LastIndexByte(output, '\n') + 1
	said, answer := output[:at], output[at:]
	if rest, ok := strings.CutPrefix(answer, "muster "+common+" "); ok {
		return "muster " + own + " " + rest + "\n", said
	}
	return "", output
}
