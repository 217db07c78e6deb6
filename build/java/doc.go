// Package java builds Java applications with Maven or Gradle, as the app says.
//
//	builder, err := java.New(java.Config{})
//
// The app decides what it is built with: the version of Java by its own files (see
// package toolchain), Maven or Gradle by its wrapper, and without one by the PATH.
//
// # The artifact
//
// It is the one thing of the build that can be started, with a Procfile that does:
//
//   - A Spring Boot jar is taken apart as "java -Djarmode=tools -jar x.jar extract"
//     does it, by the structure that Spring Boot's reference describes under "The
//     Executable Jar Format": app.jar holds the classes of the app, and its manifest
//     names the libraries in lib/ in the order of classpath.idx. This layout starts by
//     "java -jar app.jar", quicker than the original jar, and suits class data sharing.
//     A release then differs from the one before in app.jar alone, while no dependency
//     changes: every library is a file, so that layers are of no further use.
//   - Any other jar with a Main-Class becomes app.jar, and the libraries that its
//     Class-Path names keep their places beside it. So does a Spring Boot jar that
//     starts by PropertiesLauncher, whose loader.path would be lost otherwise.
//   - A Spring Boot war becomes app.war: it is made to be deployed whole.
//   - What Gradle's application plugin installs, bin/ and lib/, is taken as it is.
//
// # Equal builds
//
// Two builds of one revision are equal to the byte. Maven is told a fixed
// project.build.outputTimestamp, unless the root pom names one, and Gradle's
// archive tasks a fixed order and fixed times. Jars that the build made are written
// anew all the same, because old plugins obey neither: entries sorted, with one
// time, and without the comments in META-INF/maven/.../pom.properties, which hold the
// time of the build. Signed jars keep their content. Nothing else within files is touched: a plugin that
// writes the time or the host into a resource (a git.properties, say) makes every
// build another one until it is told not to.
//
// Web frameworks that send Last-Modified by the time of app.jar, as Spring does for
// static resources, should name these by content or send an ETag: the time of a
// file in an artifact says which content it is, not when it was made.
//
// # Caches
//
// Kept from one build to the next are the local Maven repository, Gradle's modules,
// and the distribution that a wrapper has downloaded. The machine's own (~/.m2/repository,
// ~/.gradle) are neither read nor written; Maven's settings.xml and its mirrors count.
// Maven is not told to work offline, not even when its repository was restored for
// the very same poms: it asks the network for snapshots only, which are meant to
// be asked for, and for what the sources call for beyond the poms (a test framework's
// runner).
package java
