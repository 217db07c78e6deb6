package pipeline

import (
	"fmt"
	"strings"
)

// The documents that a store holds beside those of each pipeline.
const (
	holdsKey = "holds" // the holds of wider scope
	bellKey  = "bell"  // which pipelines have news
)

// keys names the documents of the pipeline of that name. A name's slashes become
// dots, which no name has, so that no document's key is a directory of another's.
type keys string

func (k keys) key(leaf string) string {
	return "pipelines/" + strings.ReplaceAll(string(k), "/", ".") + "/" + leaf
}

func (k keys) record() string          { return k.key("record") }
func (k keys) lease() string           { return k.key("lease") }
func (k keys) history(page int) string { return k.key(fmt.Sprintf("history-%06d", page)) }

// log is the key, in the build store, of piece n of a deploy's log.
func (k keys) log(deploy string, n int) string {
	return "logs/" + strings.ReplaceAll(string(k), "/", ".") + "/" + deploy + "/" + fmt.Sprintf("%06d", n)
}
