package selfdeploy

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatADeployerStartsInheritsNoLockOfItsSupervisor(t *testing.T) {
	handed, err := syscall.Dup(int(os.Stderr.Fd())) // without the mark that Go gives its own
	require.NoError(t, err)
	defer syscall.Close(handed)
	said := func() error {
		cmd := exec.Command("sh", "-c", fmt.Sprintf("[ -e /dev/fd/%d ]", handed))
		return cmd.Run()
	}
	require.NoError(t, said(), "a child is handed what is not marked")
	keepInherited()
	require.Error(t, said())
}
