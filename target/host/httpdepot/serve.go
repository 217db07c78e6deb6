package httpdepot

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/muster-deploy/muster/target/host"
)

// URL implements host.Depot.
func (d *Depot) URL(_ context.Context, sum string) (string, error) {
	if err := host.CheckSum(sum); err != nil {
		return "", fmt.Errorf("sign a URL: %w", err)
	}
	if _, err := os.Stat(d.file(sum)); err != nil {
		return "", fmt.Errorf("sign a URL: %w", err)
	}
	until := strconv.FormatInt(time.Now().Add(d.c.Life).Unix(), 10)
	return fmt.Sprintf("%s%s?until=%s&mac=%s", d.c.URL, sum, until, d.mac(sum, until)), nil
}

// mac signs what a URL grants.
func (d *Depot) mac(sum, until string) string {
	m := hmac.New(sha256.New, d.key)
	fmt.Fprintf(m, "%s %s", sum, until)
	return hex.EncodeToString(m.Sum(nil))
}

// ServeHTTP answers hosts. The path is what follows Config.URL. Whoever has no right
// to a pack does not learn whether it is there.
func (d *Depot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	sum, query := r.URL.Path, r.URL.Query()
	if len(sum) > 0 && sum[0] == '/' {
		sum = sum[1:]
	}
	if !d.grants(sum, query.Get("until"), query.Get("mac")) {
		http.Error(w, "this URL is not valid, or not any more", http.StatusForbidden)
		return
	}
	f, err := os.Open(d.file(sum))
	if err != nil {
		http.Error(w, "this pack is not there any more", http.StatusGone)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("ETag", strconv.Quote(sum))
	http.ServeContent(w, r, "", time.Time{}, f)
}

// grants says whether a URL was signed here and is young enough.
func (d *Depot) grants(sum, until, mac string) bool {
	if host.CheckSum(sum) != nil || !hmac.Equal([]byte(mac), []byte(d.mac(sum, until))) {
		return false
	}
	seconds, err := strconv.ParseInt(until, 10, 64)
	return err == nil && time.Now().Unix() < seconds
}
