package toolchain

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// statement finds the ruby statements of a Gemfile: at the start of a line, or after a
// semicolon.
var statement = regexp.MustCompile(`(?m)(?:^|;)[ \t]*ruby[ \t]*[ \t('"\[]`)

// gemfileRuby reads the ruby statements of a Gemfile. A Gemfile is a program: what
// could only be known by running it is an error, not a guess.
func gemfileRuby(t *tree) ([]build.Tool, error) {
	const file = "Gemfile"
	text, _, err := t.read(file)
	if err != nil {
		return nil, err
	}
	text = code(text)
	var found []build.Tool
	for _, at := range statement.FindAllStringIndex(text, -1) {
		if text[at[0]] == ';' && quoted(text[strings.LastIndexByte(text[:at[0]], '\n')+1:at[0]]) {
			continue
		}
		line := lineOf(text, at[1]-1)
		s := scanner{rest: text[at[0]+strings.Index(text[at[0]:], "ruby")+len("ruby"):]}
		a, err := s.arguments()
		if err != nil {
			return nil, fmt.Errorf("%s:%d: the ruby line cannot be read without running it (%w): name the version in .ruby-version, or by option", file, line, err)
		}
		tools, err := a.ruby(t, file, line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, line, err)
		}
		found = append(found, tools...)
	}
	return found, nil
}

var (
	block = regexp.MustCompile(`(?ms)^=begin\b.*?^=end\b[^\n]*`)
	data  = regexp.MustCompile(`(?ms)^__END__$.*`)
)

// code blanks what is no code of a file of Ruby: its block comments, and what follows
// __END__. Lines stay where they are.
func code(text string) string {
	return data.ReplaceAllStringFunc(block.ReplaceAllStringFunc(text, blankLines), blankLines)
}

// blankLines keeps nothing of a text but its lines.
func blankLines(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) }

// quoted says whether what follows the beginning of a line is in a string or in a
// comment.
func quoted(line string) bool {
	in := rune(0)
	for i, c := range line {
		switch {
		case in != 0 && i > 0 && line[i-1] == '\\':
		case in != 0:
			if c == in {
				in = 0
			}
		case c == '\'' || c == '"':
			in = c
		case c == '#':
			return true
		}
	}
	return in != 0
}

// arguments are what a ruby statement was given.
type arguments struct {
	versions []string
	named    map[string]string
}

// ruby returns what the statement asks for.
func (a arguments) ruby(t *tree, file string, line int) ([]build.Tool, error) {
	if engine := a.named["engine"]; engine != "" && engine != "ruby" {
		return nil, fmt.Errorf("it wants the engine %s: only Ruby itself is known here, set the version by option", engine)
	}
	if other := a.named["file"]; other != "" {
		if other == ".tool-versions" {
			return toolVersions(t, []string{"ruby"})
		}
		found, err := single(other, rubyVersion)(t)
		if err == nil && found == nil {
			err = fmt.Errorf("it takes the version from %s, which is not there", other)
		}
		return found, err
	}
	if len(a.versions) == 0 {
		return nil, nil
	}
	return []build.Tool{{Version: strings.Join(a.versions, ", "), File: file, Line: line}}, nil
}

// scanner reads the arguments of one call in Ruby, as far as they are literals.
type scanner struct {
	rest  string
	depth int // of parentheses and brackets
}

var (
	blank   = regexp.MustCompile(`^(?:[ \t]|\\\n)+`)
	comment = regexp.MustCompile(`^#[^\n]*`)
	literal = regexp.MustCompile(`^(?:'([^'\\\n]*)'|"([^"\\#\n]*)")`)
	keyword = regexp.MustCompile(`^(?:([a-z_]+):[ \t]|:([a-z_]+)[ \t]*=>)`)
)

// take cuts off what matches, and returns its groups joined.
func (s *scanner) take(re *regexp.Regexp) (string, bool) {
	m := re.FindStringSubmatch(s.rest)
	if m == nil {
		return "", false
	}
	s.rest = s.rest[len(m[0]):]
	return strings.Join(m[1:], ""), true
}

// arguments reads up to the end of the statement.
func (s *scanner) arguments() (arguments, error) {
	a := arguments{named: map[string]string{}}
	more := true // an argument may follow
	for s.next(more) {
		if s.bracket() {
			continue
		}
		if strings.HasPrefix(s.rest, ",") {
			s.rest, more = s.rest[1:], true
			continue
		}
		name, _ := s.take(keyword)
		s.take(blank)
		value, ok := s.take(literal)
		if !ok || !more {
			word, _, _ := strings.Cut(s.rest, "\n")
			return a, fmt.Errorf("%.40q is no plain string", word)
		}
		more = false
		if name != "" {
			a.named[name] = value
		} else {
			a.versions = append(a.versions, value)
		}
	}
	return a, nil
}

// next skips blanks and comments, and reports whether the statement goes on.
func (s *scanner) next(more bool) bool {
	for {
		s.take(blank)
		s.take(comment)
		if !strings.HasPrefix(s.rest, "\n") {
			return s.rest != "" && !strings.HasPrefix(s.rest, ";")
		}
		if s.depth == 0 && !more {
			return false
		}
		s.rest = s.rest[1:]
	}
}

// bracket takes a parenthesis or a bracket.
func (s *scanner) bracket() bool {
	switch {
	case s.rest[0] == '(' || s.rest[0] == '[':
		s.depth++
	case (s.rest[0] == ')' || s.rest[0] == ']') && s.depth > 0:
		s.depth--
	default:
		return false
	}
	s.rest = s.rest[1:]
	return true
}
