package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// demand is one dependency that a package.json asks for.
type demand struct {
	section, name, spec string
	line                int
}

// sections are those of a package.json that a lockfile has to fit.
var sections = []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"}

// demands lists what the text of a package.json asks for, in its order. What cannot be
// read asks for nothing: package managers complain about it themselves.
func demands(text string) (list []demand) {
	d := json.NewDecoder(strings.NewReader(text))
	members(d, func(section string) {
		if !slices.Contains(sections, section) {
			skip(d)
			return
		}
		members(d, func(name string) {
			line := 1 + strings.Count(text[:d.InputOffset()], "\n")
			var spec string
			if d.Decode(&spec) == nil {
				list = append(list, demand{section: section, name: name, spec: spec, line: line})
			}
		})
	})
	return list
}

// members calls a function for each member of the object that comes next, which has to
// read its value; it does nothing where something else comes.
func members(d *json.Decoder, member func(name string)) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return
		}
		member(fmt.Sprint(name))
	}
	_, _ = d.Token()
}

// skip reads the value that comes next.
func skip(d *json.Decoder) {
	var any json.RawMessage
	_ = d.Decode(&any)
}
