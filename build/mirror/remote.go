package mirror

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// remote is a URL, its credentials apart.
type remote struct {
	shown   string            // what errors and git's command line may hold
	secrets map[string]string // what they may not, by name
	header  string            // the value of an Authorization header, or ""
	scope   string            // the URL prefix that the header is for
}

// parseRemote takes a URL apart.
func parseRemote(raw string) (remote, error) {
	switch {
	case raw == "":
		return remote{}, errors.New("no repository: set Config.URL")
	case strings.HasPrefix(raw, "-"), strings.ContainsFunc(raw, unicode.IsControl):
		return remote{}, errors.New("the URL begins with \"-\" or holds a control character")
	case !strings.HasPrefix(raw, "http://") && !strings.HasPrefix(raw, "https://"):
		return remote{shown: raw}, checkTransport(raw)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		// The parser's own words quote the URL, and with it the password.
		return remote{}, errors.New("the URL does not parse: want https://host/path")
	}
	r := remote{scope: u.Scheme + "://" + u.Host + "/"}
	if user := u.User; user != nil {
		password, _ := user.Password()
		pair := user.Username() + ":" + password
		r.header = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
		r.secrets = map[string]string{"userinfo": user.String(), "header": r.header[len("Authorization: Basic "):]}
		if password != "" {
			r.secrets["password"] = password
		} else {
			r.secrets["token"] = user.Username()
		}
		u.User = nil
	}
	r.shown = u.String()
	return r, nil
}

// checkTransport refuses "ext::" and its like, which run commands.
func checkTransport(raw string) error {
	if before, _, ok := strings.Cut(raw, "::"); ok && !strings.ContainsAny(before, "/[") {
		return fmt.Errorf("transport %q is not allowed: want https, ssh, git, file or a path", before)
	}
	return nil
}
