package dashboard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

// logShown is how much of a log's end a page shows, in bytes; the whole is a link away.
const logShown = 128 << 10

// tail keeps the end of what is written to it.
type tail struct {
	buf []byte
	cut bool
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - logShown; over > 0 && len(t.buf) > 2*logShown {
		t.buf, t.cut = append(t.buf[:0], t.buf[over:]...), true
	}
	return len(p), nil
}

// text is the end, from the beginning of a line.
func (t *tail) text() (text string, cut bool) {
	b := t.buf
	if len(b) > logShown {
		b, t.cut = b[len(b)-logShown:], true
	}
	if i := bytes.IndexByte(b, '\n'); t.cut && i >= 0 {
		b = b[i+1:]
	}
	return words.CleanLines(string(b)), t.cut
}

// logEnd returns the end of a deploy's log, or why there is none.
func (d *Dashboard) logEnd(ctx context.Context, l *lane, deploy string) (text string, cut bool, problem string) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	log, err := l.desk.Log(ctx, deploy)
	if errors.Is(err, pipeline.ErrNoDeploy) {
		return "", false, ""
	}
	if err != nil {
		return "", false, words.Clean(err.Error())
	}
	defer log.Close()
	var t tail
	if _, err := io.Copy(&t, log); err != nil {
		problem = words.Clean(err.Error())
	}
	text, cut = t.text()
	return text, cut, problem
}

// logText serves a log as text, as long as it is.
func (d *Dashboard) logText(w http.ResponseWriter, r *http.Request, l *lane) {
	log, err := l.desk.Log(r.Context(), r.PathValue("deploy"))
	if err != nil {
		d.sorry(w, r, codeOf(err), "The log cannot be read", words.Clean(err.Error()))
		return
	}
	defer log.Close()
	copyLog(w, log)
}

// copyLog copies a log as it comes. One that breaks off breaks the answer off, too: half
// a log must not look whole.
func copyLog(w http.ResponseWriter, log io.Reader) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rc := http.NewResponseController(w)
	buf := make([]byte, 32<<10)
	for {
		n, err := log.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
			_ = rc.Flush() // what comes slowly is seen as it comes
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}
