package githubtest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// paged cuts a list to the page that a request asks for.
func paged[E any](r *http.Request, all []E) (shown []E, page, last int) {
	size := number(r, "per_page", 30, 100)
	page = number(r, "page", 1, 1<<20)
	last = max(1, (len(all)+size-1)/size)
	from := min(len(all), (page-1)*size)
	return all[from:min(len(all), from+size):min(len(all), from+size)], page, last
}

// number reads a number of the query, as GitHub does: what is none is the default.
func number(r *http.Request, name string, otherwise, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}

// setLinks says where the other pages are.
func setLinks(h http.Header, r *http.Request, page, last int) {
	var links []string
	add := func(n int, rel string) {
		u := url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path}
		if r.TLS == nil && !strings.HasSuffix(r.Host, ".test") {
			u.Scheme = "http"
		}
		q := r.URL.Query()
		q.Set("page", fmt.Sprint(n))
		u.RawQuery = q.Encode()
		links = append(links, fmt.Sprintf(`<%s>; rel="%s"`, u.String(), rel))
	}
	if page > 1 {
		add(page-1, "prev")
	}
	if page < last {
		add(page+1, "next")
		add(last, "last")
	}
	if page > 1 {
		add(1, "first")
	}
	if len(links) > 0 {
		h.Set("Link", strings.Join(links, ", "))
	}
}
