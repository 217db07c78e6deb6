package words

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"
)

// escapes are the sequences that terminals act upon.
var escapes = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\x07\x1b]*(\x07|\x1b\\\\)?|[ -/]*[0-~])")

// Clean returns s on one line and without anything that a terminal acts upon.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return Printable(r)
	}, bare(s))
}

// CleanLines is Clean for text of several lines.
func CleanLines(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return Printable(r)
	}, bare(s))
}

func bare(s string) string {
	return escapes.ReplaceAllString(strings.ToValidUTF8(s, "\ufffd"), "")
}

// Printable drops control characters, and those that change the direction of text
// or are not seen at all: it returns -1 for them.
func Printable(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
		return -1
	}
	return r
}

// Say formats with every argument cleaned. Errors may have several lines.
func Say(format string, args ...any) string {
	safe := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case error:
			safe[i] = CleanLines(v.Error())
		case fmt.Stringer:
			safe[i] = Clean(v.String())
		default:
			safe[i] = arg
			if r := reflect.ValueOf(arg); r.IsValid() && r.Kind() == reflect.String {
				safe[i] = Clean(r.String())
			}
		}
	}
	return fmt.Sprintf(format, safe...)
}
