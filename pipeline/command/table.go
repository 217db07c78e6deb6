package command

import (
	"context"
	"flag"
	"strings"
)

// action does the work of a command, with the flags that were parsed.
type action func(ctx context.Context, c *call) error

// command is one line of the table.
type command struct {
	name string
	// operands are what stands beside the flags; those in brackets may be left out.
	operands []string
	// brief is its line in the list, long what its own help says.
	brief, long string
	// setup declares its flags and returns what to do once they are parsed.
	setup func(*flag.FlagSet) action
}

// commands are all there are, in the order of the help.
func commands() []*command {
	return []*command{
		runCommand, settleCommand,
		statusCommand, whyCommand, planCommand, historyCommand, logCommand, statsCommand,
		deployCommand, rollbackCommand, resumeCommand, abortCommand, answerCommand,
		holdCommand, unholdCommand, adoptCommand,
	}
}

// find returns the command of that name, or an error that suggests another.
func find(name string) (*command, error) {
	near, distance := "", 3
	for _, cmd := range commands() {
		if cmd.name == name {
			return cmd, nil
		}
		d := edits(name, cmd.name)
		if strings.HasPrefix(cmd.name, name) {
			d = 1
		}
		if d < distance {
			near, distance = cmd.name, d
		}
	}
	if near != "" {
		return nil, misuse("there is no command %q: did you mean %q?", clean(name), near)
	}
	return nil, misuse("there is no command %q", clean(name))
}

// least is how many operands the command needs.
func (cmd *command) least() int {
	n := 0
	for _, o := range cmd.operands {
		if !strings.HasPrefix(o, "[") {
			n++
		}
	}
	return n
}

// wants says which operands the command takes.
func (cmd *command) wants() string {
	if len(cmd.operands) == 0 {
		return "no operands"
	}
	return strings.Join(cmd.operands, " ")
}

// edits is how many letters have to be changed, added, dropped or swapped with
// their neighbour to make b of a (optimal string alignment).
func edits(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
