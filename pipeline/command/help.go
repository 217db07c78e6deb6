package command

import (
	"flag"
	"fmt"
	"strings"
)

const preamble = `%[1]s ships the latest change that passed CI, unless somebody holds it or it was
rolled back.

Usage: %[1]s [-pipeline NAME] [-json] COMMAND [flags]

`

const epilogue = `
"%[1]s help COMMAND" says more about one. Exit codes: 0 done, 1 something did not
work, 2 wrong command line, 3 refused (nothing was changed), 4 recorded, but it did
not end well or did not end.
`

// help says what there is: about one command, or all.
func (c *call) help(cmd *command) error {
	if cmd != nil {
		return c.helpOn(cmd)
	}
	fmt.Fprintf(c.Stdout, preamble, c.Name)
	var rows []row
	for _, cmd := range commands() {
		rows = append(rows, row{strings.Join(append([]string{cmd.name}, cmd.operands...), " "), cmd.brief})
	}
	c.table(rows)
	fmt.Fprintf(c.Stdout, epilogue, c.Name)
	return nil
}

func (c *call) helpOn(cmd *command) error {
	set := c.flags(cmd.name)
	cmd.setup(set)
	words := append([]string{c.Name, cmd.name, "[flags]"}, cmd.operands...)
	fmt.Fprintf(c.Stdout, "Usage: %s\n\n%s\n\nFlags:\n", strings.Join(words, " "), cmd.long)
	var rows []row
	set.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		label := "-" + f.Name
		if value != "" {
			label += " " + value
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			usage += " (default " + f.DefValue + ")"
		}
		rows = append(rows, row{label, usage})
	})
	c.table(rows)
	return nil
}
