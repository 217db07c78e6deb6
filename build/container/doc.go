// Package container runs the commands of a build in containers, each in an image that
// has the tools which the app asks for. Two apps with two versions of Ruby build side
// by side on one machine, and neither Ruby is the machine's, nor the deployer's.
//
//	runner, err := container.New(container.Config{Images: []container.Image{
//		{Name: "registry.example.com/ruby@sha256:…", Tools: []build.Tool{{Name: "ruby", Version: "3.2.2"}, {Name: "node", Version: "20.11.1"}}},
//		{Name: "registry.example.com/ruby-old@sha256:…", Tools: []build.Tool{{Name: "ruby", Version: "2.7.8"}}},
//	}})
//
// A command runs in the first image whose tools meet all that it asks for. That an
// image has what it is said to have is checked once, by asking the tools.
//
// A container sees the workspace, at the path that it has outside, and nothing else of
// the machine. It runs as the caller's user with no capabilities and can gain none; its
// root is read-only, /tmp and HOME are in memory. It has no network, but for commands
// with Network, which share the machine's: an install may need a proxy or a mirror
// on it. Of the environment it gets the image's own, Config.Env and the command's.
// Secrets reach it by the environment of the engine's client: they are on no command
// line, but whoever may ask the engine can read them while the container runs.
//
// The engine is podman, or docker where there is no podman. A container goes with its
// command, however that ends; those of a deployer that was killed are removed by New.
package container
