package toolchain_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/muster-deploy/muster/build/toolchain"
)

func Example() {
	dir, _ := os.MkdirTemp("", "app")
	defer os.RemoveAll(dir)
	_ = os.WriteFile(filepath.Join(dir, ".ruby-version"), []byte("3.2.2\n"), 0o644)
	_ = os.WriteFile(filepath.Join(dir, "Gemfile"), []byte("ruby '~> 3.2'\n"), 0o644)
	ruby, err := toolchain.Ruby(dir, toolchain.Options{})
	fmt.Println(ruby, err)
	// Output: ruby 3.2.2 (.ruby-version:1, first by precedence; also ~> 3.2 (Gemfile:1)) <nil>
}
