// Package sshhost reaches hosts by SSH. It is a host.Transport.
//
//	ssh, err := sshhost.New(sshhost.Config{
//		Address:    "web-1.internal",
//		User:       "deploy",
//		KnownHosts: []string{"/etc/deployer/known_hosts"},
//		Agent:      os.Getenv("SSH_AUTH_SOCK"),
//	})
//	h, err := host.New(host.Config{Name: "web-1", Transport: ssh, ...})
//
// There is one connection per host, which is made when it is needed, shared by all
// calls, kept alive, and made anew after a drop. A call that was under way when it
// dropped is not repeated: what it came to is unknown, and the host is read.
//
// A host's key has to stand in the known hosts; one that does not, or another one, is
// refused. Nobody's trust is asked for, and nothing is written there.
//
// The user's login shell has to be one of the family of sh. It is given one command,
// in which every argument is quoted; secrets come by its input. When a call's context
// ends, the script is killed by another session of the same connection, and all that is
// in its process group. What a connection that is gone leaves running ends by itself:
// the scripts of the package host have limits of their own.
package sshhost
