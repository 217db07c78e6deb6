// Package toolchain finds out which versions of its tools an app asks for, and by
// which line of which file. Different apps upgrade at different times: a deployer
// builds each with the app's own tools, never with its own.
//
// The sources of a version, the first that names one wins:
//
//	ruby     Options.Version, .tool-versions or mise.toml, .ruby-version, the ruby line
//	         of the Gemfile, RUBY VERSION in Gemfile.lock
//	bundle   Options.Version, BUNDLED WITH in Gemfile.lock
//	node     Options.Version, .tool-versions or mise.toml, .nvmrc or .node-version,
//	         volta.node and engines.node in package.json
//	java     Options.Version, .tool-versions or mise.toml, .sdkmanrc, .java-version,
//	         system.properties, the toolchain of build.gradle; what a pom.xml compiles
//	         for is a minimum that the others have to meet
//
// The others are listed in Tool.Alternatives. Two that no version can meet both are a
// *ConflictError: nothing is guessed silently. Neither is "latest", nor what could
// only be known by running the app's own code.
package toolchain
