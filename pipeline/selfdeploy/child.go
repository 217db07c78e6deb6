package selfdeploy

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// child is the new deployer's process. It ends with its guard, however that ends: the
// host's supervisor would start a second one beside it.
type child struct {
	words []string
	pid   int
	ended chan error
}

// startChild starts the words in this process's directory and process group.
func startChild(words []string) (*child, error) {
	c := &child{words: words, ended: make(chan error, 1)}
	started := make(chan error)
	go func() {
		// The kernel's promise holds while the thread lives that has started the child.
		runtime.LockOSThread()
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.SysProcAttr = withParent()
		err := cmd.Start()
		if err == nil {
			c.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			c.ended <- cmd.Wait()
		}
	}()
	return c, <-started
}

func (c *child) signal(s syscall.Signal) { _ = syscall.Kill(c.pid, s) }

// exitCode is that of a process that ended, as a shell says it.
func exitCode(err error) int {
	exit, ok := err.(*exec.ExitError)
	switch {
	case err == nil:
		return 0
	case !ok:
		return 1
	case exit.Sys().(syscall.WaitStatus).Signaled():
		return 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
	}
	return exit.ExitCode()
}
