//go:build integration

package selfdeploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// members are the processes of a group, without its leader, that have several threads, as
// deployers have. What a deployer has forked, and is no script yet in a group of its own,
// has one.
func members(group int) (all []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(text), ") ")
		var state string
		var parent, of int
		_, _ = fmt.Sscan(after, &state, &parent, &of)
		threads := strings.Fields(after)[17]
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if of == group && pid != group && state != "Z" && threads != "1" {
			all = append(all, pid)
		}
	}
	return all
}

// kill ends a process as a power cut would.
func kill(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }
