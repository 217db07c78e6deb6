package command_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline/command"
)

// TestMain is a deployer's main where the variable says so.
func TestMain(m *testing.M) {
	stubborn, asked := os.LookupEnv("STUBBORN")
	if !asked {
		os.Exit(m.Run())
	}
	e := quiet("web")
	e.works = func(ctx context.Context, _ *engine) error {
		fmt.Println("working")
		<-ctx.Done()
		fmt.Println("handing over")
		if stubborn == "yes" {
			select {}
		}
		return nil
	}
	os.Exit(command.Main(e))
}

// deployer starts a real process and returns it once it works, with the reader of
// its output.
func deployer(t *testing.T, stubborn string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "run")
	cmd.Env = append(os.Environ(), "STUBBORN="+stubborn)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	require.Equal(t, "working", lines.Text())
	return cmd, lines
}

func TestARealProcessHandsOverAtSIGTERM(t *testing.T) {
	cmd, lines := deployer(t, "no")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.True(t, lines.Scan())
	require.Equal(t, "handing over", lines.Text())
	require.NoError(t, cmd.Wait())
}

func TestARealProcessEndsAtTheSecondSignal(t *testing.T) {
	cmd, lines := deployer(t, "yes")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.True(t, lines.Scan())
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	err := cmd.Wait()
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit), "%v", err)
	require.Equal(t, 143, exit.ExitCode())
}
