package toolchain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/muster-deploy/muster/build"
)

// packageNode reads volta.node and engines.node of a package.json. What volta.extends
// names is followed once.
func packageNode(t *tree) ([]build.Tool, error) {
	const file = "package.json"
	text, there, err := t.read(file)
	if !there || err != nil {
		return nil, err
	}
	var found []build.Tool
	volta, err := member(text, file, "volta", "node")
	if err == nil && volta == nil {
		volta, err = extended(t, text)
	}
	engines, more := member(text, file, "engines", "node")
	if err := errors.Join(err, more); err != nil {
		return nil, err
	}
	for _, c := range []*build.Tool{volta, engines} {
		if c != nil {
			found = append(found, *c)
		}
	}
	return found, nil
}

// extended looks for volta.node where volta.extends says.
func extended(t *tree, text string) (*build.Tool, error) {
	where, err := member(text, "package.json", "volta", "extends")
	if where == nil || err != nil {
		return nil, err
	}
	other := path.Clean(where.Version)
	text, there, err := t.read(other)
	if err == nil && !there {
		err = fmt.Errorf("package.json:%d: volta.extends names %s, which is not there", where.Line, other)
	}
	if err != nil {
		return nil, err
	}
	return member(text, other, "volta", "node")
}

// member returns the string at outer.inner of a JSON object and its line; nothing
// where there is none, or where it is empty.
func member(text, file, outer, inner string) (*build.Tool, error) {
	value, offset, err := find([]byte(text), outer, inner)
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	line := lineOf(text, int(offset))
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, line, err)
	}
	if value == "" || value == "*" || value == "x" {
		return nil, nil // It asks for nothing.
	}
	return &build.Tool{Version: value, File: file, Line: line}, nil
}

var errAbsent = errors.New("no such member")

// find walks down an object by keys and returns the string there, with the place
// right after it.
func find(text []byte, keys ...string) (string, int64, error) {
	if !json.Valid(text) {
		var v any
		err := json.Unmarshal(text, &v)
		syntax, _ := errors.AsType[*json.SyntaxError](err)
		if syntax == nil {
			return "", 0, err
		}
		return "", syntax.Offset, fmt.Errorf("it is no JSON: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	for _, key := range keys {
		if err := enter(d, key); err != nil {
			return "", d.InputOffset(), err
		}
	}
	var value any
	if err := d.Decode(&value); err != nil {
		return "", d.InputOffset(), err
	}
	s, ok := value.(string)
	if !ok {
		return "", d.InputOffset(), fmt.Errorf("%q is no string", keys)
	}
	return s, d.InputOffset(), nil
}

// enter opens an object and goes to the value of a key.
func enter(d *json.Decoder, key string) error {
	open, err := d.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return errAbsent
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if name == key {
			return nil
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return errAbsent
}
