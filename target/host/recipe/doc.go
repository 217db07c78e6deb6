// Package recipe has restart commands for the usual ways to run an app on a host: words
// for host.Config.Restart.
//
//	Restart: recipe.Systemd("shop.service"),                        // a unit
//	Restart: recipe.Puma{Pidfile: "../../shared/pids/puma.pid"}.Phased(), // workers, one after the other
//	Restart: recipe.Process{Command: []string{"./shop"}}.Words(),   // neither
//
// A restart command runs on the host inside the release, where ../../shared is what
// outlives releases. Once it has ended, the old process no longer serves.
//
// # Settings and secrets
//
// They are in a file on the host, such as shared/env, which is put there by whoever
// owns them; they are neither in the artifact nor in a command that is sent. A unit of
// systemd names it as EnvironmentFile; a Process as Settings. Its lines are NAME=VALUE,
// taken as they are: nothing in them is run or expanded. One that host.Config.Parameters
// has the host fetch from SSM's Parameter Store is quoted, which its first line says.
//
// # systemd
//
// The unit runs what current points to:
//
//	[Service]
//	WorkingDirectory=/srv/shop/current
//	EnvironmentFile=/srv/shop/shared/env
//	ExecStart=/bin/sh -c 'MUSTER_ARTIFACT=sha256:$(basename "$(pwd -P)") exec bin/shop'
//	Restart=always
//	User=shop
//
// systemd looks the link up at each start. The user who runs the scripts needs the right
// to restart the unit: a rule of sudo (then Systemd's words come after "sudo", "-n"), or
// of polkit.
//
// # Puma
//
// A phased restart replaces workers one by one, without a moment in which nobody serves:
// puma runs as a cluster, with
//
//	directory '/srv/shop/current'
//	prune_bundler
//	pidfile '/srv/shop/shared/pids/puma.pid'
//
// The master's environment is that of its first start; an app that answers with the
// header Muster-Artifact takes it from the name of the directory that it runs in:
// "sha256:" + File.basename(Dir.pwd). Gems of puma itself, and settings of the
// environment, are replaced by a full restart only.
package recipe
