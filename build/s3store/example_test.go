package s3store_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/s3store"
	"github.com/muster-deploy/muster/build/s3store/s3test"
)

// What one machine has kept, another one opens. A deployer passes a client of the
// SDK; a test passes a bucket in memory.
func ExampleNew() {
	ctx := context.Background()
	bucket := &s3test.Bucket{}
	open := func() *build.Archive {
		store, err := s3store.New(s3store.Config{Client: bucket, Bucket: "acme-deploys", Prefix: "artifacts/"})
		if err != nil {
			log.Fatal(err)
		}
		return build.NewArchive(store, "")
	}
	artifact := buildtest.Artifact(map[string]string{"app.rb": "puts :hello"})
	if err := open().Keep(ctx, artifact); err != nil {
		log.Fatal(err)
	}
	kept, err := open().Open(ctx, artifact.Digest)
	if err != nil {
		log.Fatal(err)
	}
	content, err := fs.ReadFile(kept.Files, "app.rb")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", content)
	// Output: puts :hello
}
