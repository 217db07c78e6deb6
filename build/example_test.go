package build_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// site is a Builder of one's own: it turns Markdown headings into pages.
type site struct{}

func (site) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	pages, err := filepath.Glob(filepath.Join(ws.Dir, "*.md"))
	if err != nil {
		return build.Output{}, err
	}
	out := filepath.Join(ws.Dir, "public")
	if err := os.Mkdir(out, 0o755); err != nil {
		return build.Output{}, err
	}
	classes := map[string]build.Class{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return build.Output{}, err
		}
		name := strings.TrimSuffix(filepath.Base(page), ".md") + ".html"
		html := "<h1>" + strings.TrimSpace(strings.TrimPrefix(string(text), "# ")) + "</h1>\n"
		if err := os.WriteFile(filepath.Join(out, name), []byte(html), 0o644); err != nil {
			return build.Output{}, err
		}
		classes[name] = build.Entry
		ws.Logf("wrote %s", name)
	}
	return build.Output{Dir: "public", Classes: classes}, ctx.Err()
}

// sources is where the revisions come from; a mirror.Mirror is one for git.
type sources struct{}

func (sources) Checkout(_ context.Context, revision, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "index.md"), []byte("# Hello from "+revision[:7]+"\n"), 0o644)
}

// A Builder of one's own, and the Workshop that builds each revision once with it.
func Example() {
	dir, err := os.MkdirTemp("", "workshop-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	shop, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: dir, Source: sources{}, Builder: site{}, Identity: "site 1",
	})
	if err != nil {
		panic(err)
	}
	revision := "3f9a1c0d5b7e42f6a8c1d0e9b2a374f5c6d8e7f0"
	var log bytes.Buffer
	for range 2 { // The second time it is found.
		a, err := shop.Artifact(context.Background(), revision, &log)
		if err != nil {
			panic(err)
		}
		page, err := fs.ReadFile(a.Files, "index.html")
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s", a.Manifest[0].Class, page)
	}
	fmt.Println(strings.Count(log.String(), "wrote index.html"), "build")
	// Output:
	// entry: <h1>Hello from 3f9a1c0</h1>
	// entry: <h1>Hello from 3f9a1c0</h1>
	// 1 build
}
