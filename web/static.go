package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var static embed.FS

// asset is a file that pages link to.
type asset struct {
	mediaType string
	data      []byte
}

// loadAssets returns the assets by file name, in which is a hash of what is in
// the file, and the paths of the style sheet and the icon.
func loadAssets() (assets map[string]asset, style, icon string, err error) {
	assets = map[string]asset{}
	load := func(file, mediaType string) (string, error) {
		data, err := static.ReadFile("static/" + file)
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(data)
		ext := path.Ext(file)
		name := strings.TrimSuffix(file, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		assets[name] = asset{mediaType, data}
		return "/static/" + name, nil
	}
	if style, err = load("style.css", "text/css; charset=utf-8"); err != nil {
		return nil, "", "", err
	}
	if icon, err = load("icon.svg", "image/svg+xml"); err != nil {
		return nil, "", "", err
	}
	return assets, style, icon, nil
}

// Static serves GET /static/{file}. A file's name changes with the file, so it
// may be kept for good.
func (p *Pages) Static(w http.ResponseWriter, r *http.Request) {
	a, ok := p.assets[path.Base(r.URL.Path)]
	if !ok || path.Dir(r.URL.Path) != "/static" {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	// An icon that is opened by itself is a document.
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	_, _ = w.Write(a.data)
}
