package github

import "strings"

// nextLink returns the URL of the next page from Link headers (RFC 8288), or nothing.
func nextLink(headers []string) string {
	for _, h := range headers {
		for rest := h; ; {
			var url string
			var found bool
			if _, rest, found = strings.Cut(rest, "<"); !found {
				break
			}
			if url, rest, found = strings.Cut(rest, ">"); !found {
				break
			}
			params, after, _ := strings.Cut(rest, ",")
			if isNext(params) {
				return url
			}
			rest = after
		}
	}
	return ""
}

// isNext reports whether the parameters of a link say that it leads to the next page.
func isNext(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for rel := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(rel, "next") {
				return true
			}
		}
	}
	return false
}
