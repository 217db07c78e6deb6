package toolchain

import (
	"fmt"
	"regexp"
	"strings"
)

// plain is a version, or the beginning of one.
var plain = regexp.MustCompile(`^\d+(\.\d+)*([-.+][0-9A-Za-z.+-]+)?$`)

// rubyVersion reads "3.2.2", "ruby-3.2.2" and "ruby 3.2.2p53".
func rubyVersion(s string) (string, error) {
	v := strings.TrimPrefix(strings.TrimPrefix(s, "ruby-"), "ruby ")
	if p := strings.LastIndexByte(v, 'p'); p > 0 && strings.Trim(v[p+1:], "0123456789") == "" {
		v = v[:p] // The patch level says nothing that the version does not.
	}
	if i := strings.IndexByte(v, '@'); i > 0 {
		v = v[:i] // the gem set of rvm
	}
	if floating(v) || plain.MatchString(v) {
		return v, nil
	}
	return "", fmt.Errorf("%q is no version of Ruby itself: other engines are not known here, set the version by option", s)
}

// nodeVersion reads "20", "v20.11.1" and "node-20".
func nodeVersion(s string) (string, error) {
	v := strings.TrimPrefix(strings.TrimPrefix(s, "node-"), "v")
	if floating(v) || plain.MatchString(v) || strings.HasSuffix(v, ".x") {
		return v, nil
	}
	return "", fmt.Errorf("%q is no version of Node.js", s)
}

// release is where the numbers of a JDK's version stand: after a vendor's name.
var release = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z_-]*-)?(\d+(?:\.\d+)*)(?:[-+_][0-9A-Za-z.+_-]*)?$`)

// javaVersion reads "17", "17.0.9-tem", "temurin-21.0.1+12" and "1.8", which is 8: a release as
// JDKs name it themselves since Java 9. The vendor is left to whoever provides the JDK.
func javaVersion(s string) (string, error) {
	m := release.FindStringSubmatch(s)
	if floating(s) || m == nil {
		if floating(s) {
			return s, nil
		}
		return "", fmt.Errorf("%q is no version of Java", s)
	}
	// Java 8 and older called themselves 1.8.
	return strings.TrimPrefix(m[1], "1."), nil
}
