package build

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// killMarked kills every process whose mark is wanted, and returns how many are
// still alive or were until now. Processes of other users cannot be read; they were
// not started by this one.
func killMarked(wanted func(mark string) bool) int {
	proc, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1)
	n := 0
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() {
			continue
		}
		if mark, ok := markOf(name); ok && wanted(mark) && syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

// markOf returns the mark of a process. That of a zombie is empty: it has no
// environment any more.
func markOf(pid string) (string, bool) {
	env, err := os.ReadFile("/proc/" + pid + "/environ")
	if err != nil {
		return "", false
	}
	for v := range bytes.SplitSeq(env, []byte{0}) {
		if mark, ok := bytes.CutPrefix(v, []byte(markVariable+"=")); ok {
			return string(mark), true
		}
	}
	return "", false
}
