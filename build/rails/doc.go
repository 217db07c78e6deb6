// Package rails builds Rails apps into trees that run where the same Ruby is: the app,
// its gems below vendor/bundle, and its compiled assets.
//
// A build
//
//  1. reads which Ruby and Bundler the app asks for (see package toolchain),
//  2. installs the gems, frozen to Gemfile.lock, without development and test,
//  3. installs the JavaScript dependencies where there are any (see package node),
//  4. runs assets:precompile where a gem of the bundle brings it: sprockets-rails,
//     propshaft, and the bundlers of JavaScript for Rails,
//  5. writes .bundle/config, so that "bundle exec" on a host finds the gems with no
//     environment at all, and a Procfile where the app has none.
//
// Gems are cached under a key of Gemfile, Gemfile.lock, Ruby, platform and C library:
// a Ruby change never reuses native gems. Where nothing changed, bundle install is not
// run at all, and the gems go from the cache right into the artifact: they are put into
// the tree only where assets are compiled. Where the lockfile changed, bundle install
// begins with the gems of the last build, and removes those that are not locked any
// more.
// Gems that were installed are moved to the cache once the assets are compiled, and go
// into the artifact from there, too: what a gem writes into its own directory while
// assets are compiled is not shipped, with a full cache or an empty one.
//
// Compiled assets are cached under a key of everything in the tree but what assets do
// not read (controllers, models, jobs, mailers, tests, documents, see AssetBlind), and
// assets:precompile is not run when none of it changed. With Tailwind, which may look
// for class names anywhere, everything counts. The compiled files of the generation
// before stay beside the new ones, because pages that the old release rendered ask for
// them while both run: an artifact depends on the cache in this, and two builds with
// empty caches are equal.
//
// Left out are tests, logs, temporary files and node_modules. Normalised, so that two
// builds of one revision are equal to the byte: the logs and makefiles of native gems
// are removed, and so are the debugging information and the build id of their
// libraries, which name the directory of the build, by strip; gem packages and .git
// of gems from git are removed; the manifest of Sprockets, whose name is random, is
// named by its content, and its times and those of packed assets are fixed; empty log
// and tmp/pids are kept by a file .keep.
//
// Bootsnap's cache is not part of the artifact, and not for want of trying: its entries
// are found by the absolute path and the modification time of each file, and neither
// is known before a release is on its host. A migration-like hook can run "bootsnap
// precompile" there.
package rails
