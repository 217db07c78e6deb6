// Package ember builds Ember apps, classic ones and those of Vite, into the files that
// a web server or a bucket serves.
//
// A build installs the dependencies (see package node), runs the script "build" of
// package.json for production and takes "dist", or what .ember-cli says, as the
// artifact. Scripts run without the network where the Runner can keep them from it.
//
// Each file gets a class, by which a bucket is filled in the right order and caches
// are told what to keep:
//
//	entry           pages: every .html file
//	service-worker  sw.js and service-worker.js at the root, and what Config names
//	hashed          files whose name holds a digest of what is in them; they are
//	                kept by browsers and caches for ever
//	other           everything else
//
// To call a file hashed that is not would pin an old one in every browser, and to call
// a hashed one other only costs a request. So a file is hashed only where a map of the
// build says so (assetMap.json of broccoli-asset-rev, manifest.json of Vite), or where
// it has a digest in its name as the tools write it: 32 hexadecimal digits, 20 of
// Ember's bundler, or eight of Vite's base64 alphabet below assets/ that no word would
// have. A file that lies in public under the same path is copied as it is: its name
// proves nothing.
//
// Two builds of one revision are equal to the byte, as long as the app's own add-ons
// write neither time nor path. No file is changed for that. But temporary files lie in
// the tree (TMPDIR is tmp/.muster), and Broccoli's directory there has a name that is
// not random, as webpack numbers modules by the way to it.
package ember
