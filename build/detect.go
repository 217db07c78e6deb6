package build

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Recognizer is a Builder that knows the trees which it can build. The reference
// builders for Rails, Java and Ember are Recognizers.
type Recognizer interface {
	Builder
	// Recognize looks at the tree in dir, runs nothing and changes nothing. It may be
	// called for several trees at once. A tree of another kind is no error.
	Recognize(dir string) (Recognition, error)
}

// Recognition is what a Recognizer found in a tree.
type Recognition struct {
	// Kind is a word for what the builder builds: "rails".
	Kind string
	// Found says by what the tree was recognised, as "Gemfile.lock:12 locks rails";
	// empty where it was not.
	Found string
	// Looked says what was looked for, as "a Gemfile.lock that locks rails".
	Looked string
}

// Detect returns a Builder that hands each tree to the one of builders that
// recognises it, and says in the log by what it did. A tree that none or several of
// them recognise is an error, which says what was looked for or found: name the
// builder instead.
func Detect(builders ...Recognizer) Builder { return detector(builders) }

// detector is what Detect returns.
type detector []Recognizer

// Build implements Builder.
func (d detector) Build(ctx context.Context, ws *Workspace) (Output, error) {
	chosen, by, err := d.choose(ws.Dir)
	if err != nil {
		return Output{}, fmt.Errorf("detect the builder: %w", err)
	}
	ws.Logf("builder: %s (%s)", by.Kind, by.Found)
	return chosen.Build(ctx, ws)
}

// choose returns the one builder that recognises the tree in dir.
func (d detector) choose(dir string) (Recognizer, Recognition, error) {
	var chosen Recognizer
	var found, looked []string
	var by Recognition
	for _, b := range d {
		r, err := b.Recognize(dir)
		if err != nil {
			return nil, Recognition{}, err
		}
		looked = append(looked, fmt.Sprintf("%s: %s", r.Kind, r.Looked))
		if r.Found == "" {
			continue
		}
		found = append(found, fmt.Sprintf("%s: %s", r.Kind, r.Found))
		chosen, by = b, r
	}
	switch {
	case len(d) == 0:
		return nil, Recognition{}, errors.New("there is no builder to choose from")
	case len(found) == 0:
		return nil, Recognition{}, fmt.Errorf("no builder recognises the tree; looked for %s", strings.Join(looked, "; "))
	case len(found) > 1:
		return nil, Recognition{}, fmt.Errorf("several builders recognise the tree: %s; name the one to use", strings.Join(found, "; "))
	}
	return chosen, by, nil
}
