package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"supervisiond/console/web"
)

const (
	// pagePolicy lets the console load what the daemon serves, and nothing else: no script in the page, no foreign site.
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
		"manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	// pagePermissions takes from the page what it never asks for.
	pagePermissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
	// assetsRoot begins the paths of the files that have a digest of their content in their names.
	assetsRoot = "/assets/"
	indexFile  = "/index.html"
	// worthZipping is how many bytes a file has at least that is also kept compressed.
	worthZipping = 1024
)

// mediaTypes are those of the console's files. What the system has at hand for them differs from machine to machine.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".ico": "image/x-icon", ".jpg": "image/jpeg",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".png": "image/png",
	".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8", ".wav": "audio/wav", ".webmanifest": "application/manifest+json",
	".webp": "image/webp", ".woff2": "font/woff2",
}

// page is the attendant console. Its files are known by their whole paths, so no other file can be had by any path.
type page struct{ files map[string]pageFile }

type pageFile struct {
	media, cache string
	plain, zip   []byte // zip: compressed; nil if that makes it no smaller
	digest       string
}

// builtPage is made of the files that are embedded.
func builtPage() (*page, error) {
	files, err := web.Files()
	if err != nil {
		return nil, err
	}
	return newPage(files)
}

func newPage(dist fs.FS) (*page, error) {
	p := &page{files: make(map[string]pageFile)}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(dist, name)
		if err == nil {
			p.files["/"+name], err = newPageFile("/"+name, content)
		}
		return err
	})
	if _, ok := p.files[indexFile]; err == nil && !ok {
		err = errors.New("the console has no index.html")
	}
	return p, err
}

func newPageFile(name string, content []byte) (pageFile, error) {
	f := pageFile{media: mediaTypes[path.Ext(name)], cache: "no-cache", plain: content}
	if f.media == "" {
		return f, fmt.Errorf("the console has a file of an unknown kind: %s", name)
	}
	if strings.HasPrefix(name, assetsRoot) {
		f.cache = "public, max-age=31536000, immutable" // RFC 8246
	}
	sum := sha256.Sum256(content)
	f.digest = hex.EncodeToString(sum[:16])
	var err error
	if len(content) >= worthZipping {
		f.zip, err = zipped(content)
	}
	return f, err
}

// zipped gives the content compressed, or nil if it is compressed already.
func zipped(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() > len(content)*9/10 {
		return nil, nil
	}
	return b.Bytes(), nil
}

// register gives the console its paths. Its files at the root are found by other.
func (p *page) register(router chi.Router) {
	for _, pattern := range []string{"/", assetsRoot + "*"} {
		router.Get(pattern, p.serve)
		router.Head(pattern, p.serve)
	}
}

func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	if !p.other(w, r) {
		nothingHere(w)
	}
}

// other serves a file, and the page itself at the root. It says whether there is any at the path. The page has no other
// paths of its own: what it shows is behind a #, so that a wrong address is told to be one.
func (p *page) other(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	name := r.URL.Path
	if name == "/" {
		name = indexFile
	}
	f, ok := p.files[name]
	if ok {
		f.serve(w, r)
	}
	return ok
}

func (f pageFile) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("Permissions-Policy", pagePermissions)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", f.cache)
	header.Set("Content-Type", f.media)
	content, tag := f.plain, f.digest
	if f.zip != nil {
		header.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			header.Set("Content-Encoding", "gzip")
			content, tag = f.zip, f.digest+"-gzip"
		}
	}
	header.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// takesGzip reads Accept-Encoding (RFC 9110, 12.5.3). Who takes anything does not get it compressed.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, q, weighed := strings.Cut(weight, "=")
		value, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !weighed || err == nil && value > 0
	}
	return false
}
