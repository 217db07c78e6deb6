// Package sshtest is an SSH server in the process of a test. It runs real sh on this
// machine, takes one key, and can drop its connections.
package sshtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Server is a running server. Its fields are not to be changed.
type Server struct {
	// Address is where it listens: 127.0.0.1 and a port.
	Address string
	// KnownHosts is a file that holds its key.
	KnownHosts string
	// Key is a file that holds the private key which it lets in, without a passphrase.
	Key string
	// Signer is that key.
	Signer ssh.Signer
	// Private is that key, for an agent.
	Private ed25519.PrivateKey

	listener net.Listener
	config   *ssh.ServerConfig

	mu     sync.Mutex
	conns  map[net.Conn]bool
	dialed int
	deaf   bool
	full   int // sessions to be refused
	work   sync.WaitGroup
}

// Start starts a server that keeps its files in dir. Close ends it.
func Start(dir string) (*Server, error) {
	s := &Server{conns: map[net.Conn]bool{}, KnownHosts: filepath.Join(dir, "known_hosts"), Key: filepath.Join(dir, "id_ed25519")}
	own, err := s.keys()
	if err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	s.config = &ssh.ServerConfig{PublicKeyCallback: s.admit}
	s.config.AddHostKey(own)
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s.Address = s.listener.Addr().String()
	line := knownhosts.Line([]string{s.Address}, own.PublicKey()) + "\n"
	if err := os.WriteFile(s.KnownHosts, []byte(line), 0o600); err != nil {
		return nil, err
	}
	s.work.Go(s.accept)
	return s, nil
}

// keys makes the key of the server and the one that it lets in.
func (s *Server) keys() (own ssh.Signer, err error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err == nil {
		own, err = ssh.NewSignerFromKey(private)
	}
	if err == nil {
		_, s.Private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err == nil {
		s.Signer, err = ssh.NewSignerFromKey(s.Private)
	}
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(s.Private, "")
	if err != nil {
		return nil, err
	}
	return own, os.WriteFile(s.Key, pem.EncodeToMemory(block), 0o600)
}

func (s *Server) admit(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	if string(key.Marshal()) != string(s.Signer.PublicKey().Marshal()) {
		return nil, errors.New("unknown key")
	}
	return nil, nil
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.dialed++
		s.mu.Unlock()
		s.work.Go(func() { s.serve(conn) })
	}
}

func (s *Server) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	go s.answer(requests)
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		if s.refuses() {
			_ = c.Reject(ssh.ConnectionFailed, "open failed")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go session(channel, requests)
	}
}

// answer answers what is not about a session: keepalives, unless the server is deaf.
func (s *Server) answer(requests <-chan *ssh.Request) {
	for r := range requests {
		s.mu.Lock()
		deaf := s.deaf
		s.mu.Unlock()
		if r.WantReply && !deaf {
			_ = r.Reply(false, nil)
		}
	}
}

// Dialed says how many connections there have been.
func (s *Server) Dialed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialed
}

// Drop cuts every connection. What runs goes on.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

// Deafen has the server answer no keepalive any more, or again.
func (s *Server) Deafen(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = deaf
}

// Close ends the server and its connections.
func (s *Server) Close() {
	s.listener.Close()
	s.Drop()
	s.work.Wait()
}

// Fill has so many sessions from now on be refused, as OpenSSH's server does when it
// counts as many as it may have, ended ones among them.
func (s *Server) Fill(sessions int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = sessions
}

func (s *Server) refuses() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full--
	return s.full >= 0
}
