package ec2test

import (
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"strings"
)

// errForeign says that a script is not what a Model understands.
var errForeign = errors.New("ec2test: not a script of the package host")

// Settings returns the arguments that a script of the package host was sent with, up to
// the commands that it is to run.
func (s *Script) Settings() ([]string, error) {
	s.once.Do(func() { s.settings, s.err = settings(s.Text) })
	return s.settings, s.err
}

func settings(text string) ([]string, error) {
	_, text, _ = strings.Cut(text, "printf %s ")
	packed, _, ok := strings.Cut(text, " | base64 -d")
	if !ok {
		return nil, errForeign
	}
	r, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	if err != nil {
		return nil, errForeign
	}
	inner, err := io.ReadAll(r)
	if err != nil {
		return nil, errForeign
	}
	_, line, ok := strings.Cut("\n"+string(inner), "\nset -- ")
	if !ok {
		return nil, errForeign
	}
	return words(line), nil
}

// words takes quoted words apart, as far as "--" or the end of the line.
func words(line string) []string {
	var all []string
	for {
		line = strings.TrimLeft(line, " ")
		if line == "" || line[0] != '\'' {
			return all
		}
		var word strings.Builder
		for strings.HasPrefix(line, "'") {
			part, rest, _ := strings.Cut(line[1:], "'")
			word.WriteString(part)
			line = rest
			if after, ok := strings.CutPrefix(line, `\'`); ok {
				word.WriteByte('\'')
				line = after
			}
		}
		if word.String() == "--" {
			return all
		}
		all = append(all, word.String())
	}
}
