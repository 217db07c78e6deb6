// Package node installs the JavaScript dependencies of an app with the package
// manager that the app names, for builders whose apps have some.
//
// The package manager is the one in packageManager of package.json, or else that of
// the one lockfile there is; two lockfiles are an error. Installs are always frozen:
// a lockfile that does not fit its package.json fails the build. The programs
// themselves (node, npm, yarn, pnpm) are the Runner's to provide.
//
// An installed node_modules is cached under a key of all that decides what is in it:
// lockfile, manifests (also those of workspaces), settings and patches, the versions
// of node, of the package manager and of the C library. When all of it is the same,
// the install is skipped, unless the app has install scripts of its own, or a
// binding.gyp: those may read anything in the tree. It is lent to one build at a time,
// without a copy, and given back afterwards: a build that runs beside it does not wait, but
// installs for itself, and one of both is kept. Where a build changed what it was lent, the
// next one installs anew.
//
// Yarn's Plug'n'Play has no node_modules, and is installed each time.
package node
