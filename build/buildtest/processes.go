package buildtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

// processesIn lists the processes that work in dir or were started for a build of
// it. It knows Linux; elsewhere it finds none.
func processesIn(dir string) []string {
	var found []string
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range procs {
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		env, _ := os.ReadFile(filepath.Join(proc, "environ"))
		inside := cwd == dir || strings.HasPrefix(cwd, dir+"/")
		if inside || bytes.Contains(env, []byte(":"+dir+"\x00")) {
			line, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
			found = append(found, string(bytes.ReplaceAll(bytes.TrimRight(line, "\x00"), []byte{0}, []byte{' '})))
		}
	}
	return found
}
