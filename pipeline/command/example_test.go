package command_test

import (
	"context"
	"fmt"
	"os"

	"github.com/muster-deploy/muster/pipeline/command"
)

// A main ends with os.Exit(command.Main(engine)). Tests run the same line with
// writers of their own.
func ExampleRun() {
	code := command.Run(context.Background(), command.Console{
		Args: []string{"unhold", "-by", "ann", "k3v9"}, Stdout: os.Stdout, Stderr: os.Stdout,
	}, held())
	fmt.Println("exit code", code)
	// Output:
	// The hold of on-call, "db migration", is lifted.
	// Now: held entirely by on-call: "db migration" until 17:00 CET.
	// No deployer is running: "deployer settle" does it from here.
	// exit code 0
}
