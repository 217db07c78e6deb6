package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// writeJSON writes v on one line. Characters that a terminal acts upon are escaped,
// which changes nothing of what the line says: outside of strings, JSON has none.
func writeJSON(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode JSON: %w", err)
	}
	var b strings.Builder
	for _, r := range string(data) {
		if printable(r) >= 0 && !unicode.IsControl(r) {
			b.WriteRune(r)
			continue
		}
		if r > 0xffff {
			r1, r2 := 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff
			fmt.Fprintf(&b, `\u%04x\u%04x`, r1, r2)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	b.WriteByte('\n')
	_, err = io.WriteString(w, b.String())
	return err
}
