// Package host takes one host through its releases. A Host is a target.Target of
// one unit; fleets of them are rolled by the package fleet.
//
//	h, err := host.New(host.Config{
//		Name:      "web-1",
//		Root:      "/srv/shop",
//		Transport: ssh,                                    // or host.Exec for this machine
//		Restart:   []string{"systemctl", "restart", "shop"},
//		URL:       "http://127.0.0.1:8080/health",
//		Shared:    []string{"log/", "config/secrets.yml"},
//	})
//
// # On the host
//
//	<root>/current              a link to the release that is live
//	<root>/releases/<sha256>/   the tree of one release, named by its digest
//	<root>/shared/              what outlives releases: logs, uploads, local settings
//	<root>/.muster/fence        the highest order seen: its number, and of which release
//	<root>/.muster/journal      whether a switch is done, and what to go back to
//	<root>/.muster/releases/<sha256>/manifest, PREPARED
//
// The host needs no agent. A self-contained POSIX sh script is brought along with
// each call by a Transport and takes one step. It needs the usual tools of a Linux
// host (those of coreutils or busybox, tar, gzip, flock, awk; curl or wget where a
// URL is asked) and says at once which are missing. (Where sha256sum is busybox's, a
// release with a backslash in a file's name is refused: it cannot be checked there.)
// Where there is openssl, it does the hashing, several times as fast.
//
// A release is sent as the script's input, or fetched by the host from a Depot (in a
// bucket, or served by the deployer). A transport that carries no input needs a Depot,
// and makes the URLs a part of the script by Call.Inline: what keeps the script, keeps
// the URLs, which is why they live for minutes. The script has some 36 KB.
//
// # Preparing
//
//	check     the number is not lower; tools; the clock; room for twice the release; current is a link
//	fetch     the manifest, whose sha256 is the release; by URL the pack too, whose sha256 was
//	          said, under a temporary name, which goes on where it was cut off
//	link      what a release that is here has in common with it, which was not sent
//	unpack    beside the releases, what is sent as it comes; every mode, link and byte against
//	          the manifest, nothing too much
//	settings  the parameters of SSM's Parameter Store, fetched into shared, if there are any
//	place     shared paths linked, synced, renamed; the marker PREPARED last
//
// Files of releases are read-only on the host, but for those of Config.Writable, which
// are always sent: releases share what did not change by hard links, so that a write in
// place would change the release to go back to as well. (Root is not stopped by that;
// what it has spoiled is found before it goes live.) A host that has nothing, or
// something else than it should, is sent everything.
//
// Of many hosts that share a Depot the first fifty are checked; what one of them answers
// is taken for what the others would say, and they are told to fetch at once. Each still
// looks at itself as in the check, holds its clock against the depot's, and takes what
// only adds to another release if it has that one.
//
// The manifest's own sha256 is the release's digest, so that the host itself can tell
// whether what it holds is what the order names. What a run that died left behind is
// swept after a day.
//
// # Activating
//
//	guard     under the host's lock: refuse a lower number, store this one, synced, also
//	          when there is nothing to do
//	sound     every byte of the prepared release once more: it may have lain for a week
//	switch    under the lock, the number checked again: journal, a link of a unique name
//	          renamed over current and read back, then the restart command
//	confirm   some good answers in a row that name the release
//	revert    if not: the same switch, to what was confirmed last, restarted and asked
//	retire    what Order.Keep does not name; never what is live, what was confirmed
//	          before it, what a later order prepared, nor what a process runs from
//
// All of this is in the script: it ends the same way without the deployer. A run that
// finds a higher number than its own changes nothing more. A run that was killed
// between switch and restart leaves a journal that says so, and the next Activate
// restarts, although the link is right. One that was killed, or overtaken, after the
// restart had ended leaves the asking to it: what runs is not restarted again, unless it
// turns out not to be healthy. A command that is delivered twice gives the
// answer that it gave first.
//
// A run that is stopped (by SIGSTOP, or a machine's pause) while it holds the lock
// keeps later orders waiting until they give up; nothing is switched by two runs.
//
// # Naming the release
//
// An answer of the health URL is good if its status is 200 and its header
// Muster-Artifact is the digest, which the restart command finds in the environment
// as MUSTER_ARTIFACT and which is also the name of the directory that current points
// to. Without the header, a process has to run inside the release (its working
// directory or its executable) that was started after the switch. That needs the right
// to read the links in /proc of the app's processes.
//
// A release whose process cannot restart and that had nothing before it stays where
// it is, unhealthy: there is nothing to put back.
package host
