package sshhost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Config says how to reach one host. Address, User, KnownHosts, and Keys or Agent are
// required; the zero value of every other field means what its comment says.
type Config struct {
	// Address is a name or an address, with or without a port; without one it is 22.
	Address string

	// User is who scripts run as.
	User string

	// KnownHosts are files of the hosts' keys, as OpenSSH has them.
	KnownHosts []string

	// Keys are files of private keys without a passphrase.
	Keys []string

	// Agent is the socket of an agent that has keys, and is asked when a connection is
	// made. Empty: none.
	Agent string

	// Dial makes connections, such as by way of another host; nil means the network's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// DialLimit ends the making of a connection, with all that is exchanged until scripts
	// can be run; zero means 15 s.
	DialLimit time.Duration

	// Keepalive is how often a connection is tried; one that does not answer before the
	// next time is dropped. Zero means 15 s.
	Keepalive time.Duration

	// KillLimit is how long the killing of a script may take whose context has ended;
	// zero means 5 s.
	KillLimit time.Duration

	// Sessions is how many scripts may run at once on the connection; more wait. Zero
	// means 8: sshd allows 10, and one is for killing.
	Sessions int
}

// MaxOutput is how much a script may write to each of its outputs, in bytes. One that
// writes more loses its session.
const MaxOutput = 64 << 20

// check returns all complaints at once.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	complain(c.Address == "", "Address is empty")
	complain(c.User == "", "User is empty")
	complain(len(c.KnownHosts) == 0, "KnownHosts is empty: want the files that hold the host's key, as ssh-keyscan writes them")
	complain(len(c.Keys) == 0 && c.Agent == "", "neither Keys nor Agent is set: want private keys, or the socket of an agent")
	complain(c.DialLimit < 0 || c.Keepalive < 0 || c.KillLimit < 0, "a limit is below zero")
	complain(c.Sessions < 0, "Sessions is %d: want a number from 1, or 0 for the default", c.Sessions)
	return errors.Join(all...)
}

// fill puts the defaults in place.
func (c *Config) fill() {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		c.Address = net.JoinHostPort(c.Address, "22")
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	or(&c.DialLimit, 15*time.Second)
	or(&c.Keepalive, 15*time.Second)
	or(&c.KillLimit, 5*time.Second)
	or(&c.Sessions, 8)
}

// or gives a field its default.
func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// signers reads the private keys.
func (c *Config) signers() ([]ssh.Signer, error) {
	var signers []ssh.Signer
	for _, file := range c.Keys {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read private key: %w", err)
		}
		s, err := ssh.ParsePrivateKey(text)
		var locked *ssh.PassphraseMissingError
		if errors.As(err, &locked) {
			return nil, fmt.Errorf("private key %s has a passphrase: give it to an agent", file)
		}
		if err != nil {
			return nil, fmt.Errorf("parse private key %s: %w", file, err)
		}
		signers = append(signers, s)
	}
	return signers, nil
}

// trust reads the known hosts. A host has to be asked for a key of a kind that is known
// of it: otherwise one of another kind is taken for a forgery.
func (c *Config) trust() (ssh.HostKeyCallback, []string, error) {
	check, err := knownhosts.New(c.KnownHosts...)
	if err != nil {
		return nil, nil, fmt.Errorf("read known hosts: %w", err)
	}
	var known *knownhosts.KeyError
	err = check(c.Address, &net.TCPAddr{IP: net.IPv4zero}, noKey{})
	if !errors.As(err, &known) || len(known.Want) == 0 {
		return nil, nil, fmt.Errorf("the known hosts have no key of %s: get it by a way that you trust, and add it", c.Address)
	}
	var kinds []string
	for _, k := range known.Want {
		switch kind := k.Key.Type(); kind {
		case ssh.KeyAlgoRSA:
			kinds = append(kinds, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		default:
			kinds = append(kinds, kind)
		}
	}
	return check, kinds, nil
}

// noKey is the key of nobody.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
