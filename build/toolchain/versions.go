package toolchain

import (
	"fmt"
	"regexp"
	"strings"
)

// plain is a version, or the beginning of one.
var plain = regexp.MustCompile(`^\d+(\.\d+)*([-.+][0-9A-Za-z.+-]+|(preview|rc|dev)\d*)?$`)

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
var release = regexp.MustCompile(`^(?:([A-Za-z][0-9A-Za-z_-]*?)-)?(\d+(?:\.\d+)*)(?:[-+_][0-9A-Za-z.+_-]*)?$`)

// graal is the Java that a GraalVM of before 2023 is made for, which numbered itself by
// the year: "graalvm-22.3.1+java17" and SDKMAN's "22.3.r17-grl".
var graal = regexp.MustCompile(`(?:\+java|\.r)(\d+)(?:-[a-z]+)?$`)

// javaVersion reads "17", "17.0.9-tem", "temurin-21.0.1+12" and "1.8", which is 8: a release as
// JDKs name it themselves since Java 9. The vendor is left to whoever provides the JDK.
func javaVersion(s string) (string, error) {
	if floating(s) {
		return s, nil
	}
	if m := graal.FindStringSubmatch(s); m != nil {
		return m[1], nil
	}
	m := release.FindStringSubmatch(s)
	if m == nil {
		return "", fmt.Errorf("%q is no version of Java", s)
	}
	return ownNumber(m[1], strings.Split(m[2], ".")), nil
}

// ownNumber is a release without what a vendor has put to it: of Azul's own count only
// the first number is Java's ("zulu-17.44.53"), of Amazon's the first three
// ("corretto-17.0.9.8.1"), and of its Java 8 the first ("corretto-8.392.08.1").
func ownNumber(vendor string, numbers []string) string {
	switch {
	case strings.HasPrefix(vendor, "zulu"), strings.HasPrefix(vendor, "corretto") && numbers[0] == "8":
		numbers = numbers[:1]
	case strings.HasPrefix(vendor, "corretto"):
		numbers = numbers[:min(3, len(numbers))]
	}
	// Java 8 and older called themselves 1.8.
	return strings.TrimPrefix(strings.Join(numbers, "."), "1.")
}
