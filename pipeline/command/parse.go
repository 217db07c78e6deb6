package command

import (
	"errors"
	"flag"
	"io"
	"strings"
)

// errHelp says that help was asked for.
var errHelp = errors.New("help")

// parse reads the command line. Without an action, help about the command (nil: in
// general) is what was asked for.
func (c *call) parse() (*command, action, error) {
	front := c.flags(c.Name)
	if err := c.read(front, c.Args); err != nil {
		return nil, nil, unhelp(err)
	}
	args := front.Args()
	if len(args) == 0 {
		if len(c.Args) > 0 {
			return nil, nil, misuse("no command: what should be done?")
		}
		return nil, nil, nil
	}
	if args[0] == "help" {
		return c.parseHelp(args[1:])
	}
	cmd, err := find(args[0])
	if err != nil {
		return nil, nil, err
	}
	set := c.flags(cmd.name)
	act := cmd.setup(set)
	if c.operands, err = c.operate(set, args[1:]); err != nil {
		if errors.Is(err, errHelp) {
			return cmd, nil, nil
		}
		return nil, nil, misuse("%s: %s", cmd.name, err)
	}
	if len(c.operands) < cmd.least() || len(c.operands) > len(cmd.operands) {
		return nil, nil, misuse("%s wants %s, and was given %s", cmd.name, cmd.wants(), given(c.operands))
	}
	return cmd, act, nil
}

func (c *call) parseHelp(args []string) (*command, action, error) {
	if len(args) == 0 {
		return nil, nil, nil
	}
	cmd, err := find(args[0])
	return cmd, nil, err
}

func unhelp(err error) error {
	if errors.Is(err, errHelp) {
		return nil
	}
	return misuse("%s", err)
}

// flags returns a set with what every command understands. What stood before the
// command's name is kept where it is not said again.
func (c *call) flags(name string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.BoolVar(&c.json, "json", c.json, "write JSON, one object per line")
	set.StringVar(&c.name, "pipeline", c.name, "the `NAME` of the pipeline, where there are several")
	return set
}

// read parses flags up to the first operand.
func (c *call) read(set *flag.FlagSet, args []string) error {
	err := set.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return errHelp
	}
	return err
}

// operate parses flags and operands in any order; after "--" come operands only.
func (c *call) operate(set *flag.FlagSet, args []string) (operands []string, err error) {
	for {
		if err := c.read(set, args); err != nil {
			return nil, err
		}
		rest := set.Args()
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			return append(operands, rest...), nil
		}
		if len(rest) == 0 {
			return operands, nil
		}
		operands, args = append(operands, rest[0]), rest[1:]
	}
}

func given(operands []string) string {
	if len(operands) == 0 {
		return "none"
	}
	return clean(strings.Join(operands, " "))
}

// operand returns the n-th operand, or empty.
func (c *call) operand(n int) string {
	if n < len(c.operands) {
		return c.operands[n]
	}
	return ""
}
