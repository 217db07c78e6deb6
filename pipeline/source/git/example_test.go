package git_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/pipeline/source/git"
)

func Example() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, args := range [][]string{
		{"init", "-q", "-b", "main", dir + "/app"},
		{"-C", dir + "/app", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "--allow-empty", "-m", "Say hello"},
	} {
		if err := exec.Command("git", args...).Run(); err != nil {
			log.Fatal(err)
		}
	}

	ctx := context.Background()
	app, err := mirror.Open(ctx, mirror.Config{URL: dir + "/app", Dir: dir + "/mirror.git"})
	if err != nil {
		log.Fatal(err)
	}
	changes, err := git.New(app, "main").Changes(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range changes {
		fmt.Println(c.Subject, "by", c.Author)
	}
	// Output: Say hello by Ann
}
