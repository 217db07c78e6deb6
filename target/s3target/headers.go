package s3target

import (
	"path"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// rulesVersion grows when this file answers otherwise than before.
const rulesVersion = 1

// Headers are what a file is served with.
type Headers struct {
	ContentType, ContentEncoding, CacheControl string
}

// What may be cached, and for how long.
const (
	forever = "public, max-age=31536000, immutable"
	asked   = "no-cache"
	never   = "no-store"
)

// types are written out: what a machine has in its tables differs from the next one's.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".cjs": "text/javascript; charset=utf-8",
	".json": "application/json; charset=utf-8", ".map": "application/json; charset=utf-8",
	".webmanifest": "application/manifest+json; charset=utf-8", ".txt": "text/plain; charset=utf-8",
	".md": "text/markdown; charset=utf-8", ".xml": "application/xml; charset=utf-8", ".csv": "text/csv; charset=utf-8",
	".svg": "image/svg+xml; charset=utf-8", ".ics": "text/calendar; charset=utf-8", ".vtt": "text/vtt; charset=utf-8",
	".wasm": "application/wasm", ".pdf": "application/pdf", ".zip": "application/zip",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".avif": "image/avif", ".ico": "image/x-icon", ".bmp": "image/bmp",
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".eot": "application/vnd.ms-fontobject",
	".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".wav": "audio/wav", ".mp4": "video/mp4", ".webm": "video/webm",
}

// headers returns what a file of the artifact is served with.
func (c *Config) headers(f build.File) Headers {
	inner, encoding := f.Path, Encoding("")
	for _, e := range []Encoding{Gzip, Brotli} {
		if cut, ok := strings.CutSuffix(f.Path, e.suffix()); ok && path.Ext(cut) != "" {
			inner, encoding = cut, e
		}
	}
	h := Headers{ContentType: types[strings.ToLower(path.Ext(inner))], ContentEncoding: string(encoding), CacheControl: asked}
	if h.ContentType == "" {
		h.ContentType = "application/octet-stream"
		h.ContentEncoding = "" // backup.tar.gz is what it is called
	}
	if f.Class == build.Hashed {
		h.CacheControl = forever
	}
	if c.Headers != nil {
		h = c.Headers(f.Path, h)
	}
	return h
}

// text reports whether compressing such content helps.
func text(contentType string) bool {
	return strings.Contains(contentType, "charset=") || contentType == "application/wasm" || contentType == "font/ttf"
}
