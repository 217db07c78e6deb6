// Package local is a fleet of real processes on this machine: for a quickstart, for
// tests with real crashes, and for a single server that runs a few copies of an app.
//
//	l, err := local.New(local.Config{
//		Name:       "web",
//		Dir:        "/srv/shop",
//		Hosts:      []local.Host{{Name: "a", Port: 8001}, {Name: "b", Port: 8002}},
//		Command:    []string{"./shop"},
//		HealthPath: "/health",
//	})
//
// It is put together from the packages host and fleet by what they export, and shows
// how to do so for machines of one's own. Each host is a directory
//
//	<Dir>/<host>/current, releases, shared, .muster     as the package host has it
//	<Dir>/<host>/supervisor/lock, pid, script, log      its supervisor, and what the app prints
//
// and a port. A supervisor per host, a small sh script in a session of its own,
// outlives the deployer. It runs the command inside the current release with PORT and
// MUSTER_ARTIFACT in its environment, and starts it again, ever slower, when it ends. To
// stop an app it sends TERM, and KILL after Config.Grace. A restart replaces the
// supervisor, too, and waits until nothing of the old app is left.
//
// Healthy is an app that answers HealthPath with 200 and with MUSTER_ARTIFACT in the
// header Muster-Artifact:
//
//	w.Header().Set("Muster-Artifact", os.Getenv("MUSTER_ARTIFACT"))
//
// The command stays in the foreground and in its process group. Stop ends all
// processes.
//
// A Balancer stands before the hosts: an http.Handler that spreads requests, and drains
// a host before it is touched. It may run in a process of its own; deployers steer it
// by a Remote, so that one that is killed takes no request with it.
package local
