package java

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// output is something that the build made.
type output struct {
	path string // relative to the workspace
	// installed says that it is a directory of Gradle's application plugin.
	installed bool
}

// runnable returns the one of outputs that is to be shipped, or an error that says
// what there was and what to do.
func (p *project) runnable(outputs []output) (output, error) {
	var can []output
	var found []string // what there is, and what speaks against it
	for _, o := range outputs {
		why, err := p.unfit(o)
		switch {
		case err != nil:
			return output{}, err
		case why == "":
			can = append(can, o)
			found = append(found, o.path)
		case why != helper:
			found = append(found, o.path+" "+why)
		}
	}
	switch {
	case len(can) == 1:
		return can[0], nil
	case len(can) > 1:
		var paths []string
		for _, o := range can {
			paths = append(paths, o.path)
		}
		return output{}, fmt.Errorf("the build made %d things that can be started: %s: say with Config.Jar which one to ship",
			len(can), strings.Join(paths, ", "))
	}
	return output{}, errors.New(p.noRunnable(found))
}

// helper is why a jar is not even worth mentioning.
const helper = "holds no program"

// unfit returns why an output is not to be shipped, or nothing.
func (p *project) unfit(o output) (string, error) {
	name := path.Base(o.path)
	if p.config.Jar != "" {
		if ok, _ := path.Match(path.Clean(p.config.Jar), o.path); !ok {
			return "is not " + p.config.Jar, nil
		}
	} else if besides(name) {
		return helper, nil
	}
	if o.installed {
		return "", nil
	}
	j, err := openJar(p.root, o.path)
	if err != nil {
		return "", err
	}
	defer j.Close()
	if j.manifest.get("Main-Class") == "" {
		return "has no Main-Class", nil
	}
	return "", nil
}

// besides says whether a jar stands beside another one that is meant, by the names
// that Maven's and Gradle's plugins give.
func besides(name string) bool {
	base := strings.TrimSuffix(name, path.Ext(name))
	for _, suffix := range []string{"-sources", "-javadoc", "-tests", "-test-sources", "-plain"} {
		if strings.HasSuffix(base, suffix) {
			return true
		}
	}
	return strings.HasPrefix(name, "original-")
}

// noRunnable says what there was in place of something that can be started.
func (p *project) noRunnable(found []string) string {
	s := "the build made nothing that can be started"
	if len(found) > 0 {
		s += ": " + strings.Join(found, ", ")
	}
	if p.tool.Name == gradle {
		return s + ": apply Spring Boot's or the application plugin in build.gradle, or give the jar's manifest a Main-Class"
	}
	at := "pom.xml"
	if pom, err := readPom(p.root); err == nil {
		if pom.line > 0 {
			at = fmt.Sprintf("pom.xml:%d", pom.line)
		}
		at += " (packaging " + pom.packaging + ")"
	}
	return s + ": let spring-boot-maven-plugin repackage the jar, or give maven-jar-plugin a manifest with a mainClass, in " + at
}
