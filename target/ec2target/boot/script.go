package boot

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

//go:embed release.sh
var release string

// script is what an instance runs to make a release live: sh SCRIPT NUMBER DIR, with
// manifest and pack in that directory. It does to its host what a fleet would have done.
func (p *Pointer) script(a *build.Artifact, sum string) (string, error) {
	prepare, err := recordPrepare(p.c.Host, a)
	if err != nil {
		return "", err
	}
	activate, err := record(p.c.Host, "activate")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "host=%s\nsum=%s\n", host.Quote(prepare.Script), sum)
	fmt.Fprintf(&b, "prepare() {\n\tset --%s\n\trun \"$@\"\n}\n", words(prepare, a, sum))
	fmt.Fprintf(&b, "activate() {\n\tset --%s\n\trun \"$@\"\n}\n", words(activate, a, sum))
	return b.String() + release, nil
}

// words are a call's arguments for a shell, with what an instance knows better in the
// place of what they were recorded with.
func words(c host.Call, a *build.Artifact, sum string) string {
	var b strings.Builder
	own := true // up to "--": what follows are a person's words
	for _, arg := range c.Args {
		name, _, _ := strings.Cut(arg, "=")
		switch {
		case own && name == "nonce":
			b.WriteString(` "nonce=$nonce"`)
		case own && name == "number":
			b.WriteString(` "number=$number"`)
		case own && name == "release":
			b.WriteString(" release=" + strings.TrimPrefix(a.Digest, "sha256:"))
		case own && name == "pack":
			b.WriteString(" pack=" + sum)
		case own && name == "packed":
			b.WriteString(" packed=gzip")
		default:
			b.WriteString(" " + host.Quote(arg))
		}
		own = own && arg != "--"
	}
	return b.String()
}

// recorder is a transport to nowhere: it keeps the call of one step.
type recorder struct {
	step string
	call *host.Call
}

var errRecorded = errors.New("recorded")

// Run implements host.Transport. A host that is checked wants the release.
func (r recorder) Run(_ context.Context, c host.Call) error {
	if c.Step == r.step {
		*r.call = c
		return errRecorded
	}
	if c.Stdin != nil {
		return errRecorded
	}
	_, err := io.WriteString(c.Stdout, "muster "+c.Nonce+" wanted end\n")
	return err
}

// record returns the call of one step that needs no artifact.
func record(c host.Config, step string) (host.Call, error) {
	var call host.Call
	h, err := open(c, recorder{step, &call})
	if err != nil {
		return call, err
	}
	o := target.Order{Number: 1, Release: target.Release{Digest: "sha256:" + hex.EncodeToString(make([]byte, 32))}}
	if step == "observe" {
		_, err = h.Observe(context.Background(), o) // it goes nowhere
	} else {
		err = h.Activate(context.Background(), o)
	}
	return recorded(call, err)
}

// recordPrepare returns the call that brings an artifact by the script's input.
func recordPrepare(c host.Config, a *build.Artifact) (host.Call, error) {
	var call host.Call
	c.Packs = nil // an instance has fetched already
	h, err := open(c, recorder{"prepare", &call})
	if err != nil {
		return call, err
	}
	o := target.Order{Number: 1, Release: target.Release{Digest: a.Digest}}
	return recorded(call, h.Prepare(context.Background(), o, a))
}

func open(c host.Config, r recorder) (*host.Host, error) {
	c.Name, c.Transport = "instance", r
	return host.New(c)
}

// recorded complains where the call did not come.
func recorded(call host.Call, err error) (host.Call, error) {
	if call.Script == "" {
		return call, fmt.Errorf("make the script for booting instances: %w", err)
	}
	call.Args = slices.Clone(call.Args)
	return call, nil
}
