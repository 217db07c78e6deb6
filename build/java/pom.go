package java

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
)

// pom is what the builder has to know of a pom.xml; Maven knows the rest.
type pom struct {
	packaging string
	line      int // of the packaging; 0: it says none, which means jar
	timestamp int // the line of project.build.outputTimestamp; 0: it is not set
}

// readPom reads the pom at the root of a tree.
func readPom(root *os.Root) (pom, error) {
	f, err := root.Open("pom.xml")
	if err != nil {
		return pom{}, err
	}
	defer f.Close()
	return parsePom(io.LimitReader(f, 16<<20))
}

// parsePom reads as far as it takes to find the two elements.
func parsePom(r io.Reader) (pom, error) {
	found := pom{packaging: "jar"}
	d := xml.NewDecoder(r)
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // What we look for is ASCII.
	var stack []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		line, _ := d.InputPos()
		switch t := token.(type) {
		case xml.StartElement:
			stack = append(stack, t.Name.Local)
			if strings.Join(stack, "/") == "project/properties/project.build.outputTimestamp" {
				found.timestamp = line
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if strings.Join(stack, "/") == "project/packaging" {
				found.packaging, found.line = strings.TrimSpace(string(t)), line
			}
		}
	}
}
