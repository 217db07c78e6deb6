//go:build !linux

package selfdeploy

import "syscall"

// withParent can promise nothing here: a guard that is killed leaves its child.
func withParent() *syscall.SysProcAttr { return nil }
