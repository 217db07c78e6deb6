package selfdeploy

import "syscall"

// descriptors is above the number of any that a supervisor hands down.
const descriptors = 256

// keepInherited has what this process starts from now on inherit its standard input
// and outputs, and nothing else. A supervisor may have handed down a lock by which it
// knows whether the deployer has ended: a build's daemon that had it too would hold up
// every restart.
func keepInherited() {
	for fd := 3; fd < descriptors; fd++ {
		syscall.CloseOnExec(fd) // which does nothing where there is none
	}
}
