package selfdeploy

import "syscall"

// withParent makes a process end when the thread ends that has started it.
func withParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
