package house

import (
	"fmt"
	"go/ast"
	"slices"
)

// Comments returns which packages do not have exactly one package comment, and
// which exported names have none. For constants and variables a comment on their
// block counts too. Tests are not looked at.
func (t *Tree) Comments() []string {
	var complaints, dirs []string
	count := map[string]int{}
	for _, f := range t.files {
		if f.test {
			continue
		}
		dirs = append(dirs, f.dir)
		if commented(f.syntax.Doc) {
			count[f.dir]++
		}
		for _, name := range bare(f.syntax) {
			complaints = append(complaints, fmt.Sprintf("%s: %s has no comment", f.path, name))
		}
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		if n := count[dir]; n != 1 {
			complaints = append(complaints, fmt.Sprintf("%s: %d files have a package comment, want one", dir, n))
		}
	}
	return complaints
}

// bare returns the exported names of the file that have no comment.
func bare(f *ast.File) []string {
	var names []string
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, bareFunc(d)...)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				names = append(names, bareSpec(d, s)...)
			}
		}
	}
	return names
}

// bareFunc returns the name of a function or method if it lacks a comment. A method
// counts if its type is exported too.
func bareFunc(d *ast.FuncDecl) []string {
	if !d.Name.IsExported() || commented(d.Doc) {
		return nil
	}
	if d.Recv == nil {
		return []string{d.Name.Name}
	}
	owner := receiver(d.Recv.List[0].Type)
	if !ast.IsExported(owner) {
		return nil
	}
	return []string{owner + "." + d.Name.Name}
}

// bareSpec returns the names of one line of a declaration that lack a comment.
func bareSpec(d *ast.GenDecl, s ast.Spec) []string {
	var names []*ast.Ident
	switch s := s.(type) {
	case *ast.TypeSpec:
		if !commented(d.Doc, s.Doc, s.Comment) {
			names = []*ast.Ident{s.Name}
		}
	case *ast.ValueSpec:
		if !commented(d.Doc, s.Doc, s.Comment) {
			names = s.Names
		}
	}
	var exported []string
	for _, n := range names {
		if n.IsExported() {
			exported = append(exported, n.Name)
		}
	}
	return exported
}

// commented reports whether one of the comments says something. Directives to tools
// do not.
func commented(groups ...*ast.CommentGroup) bool {
	return slices.ContainsFunc(groups, func(g *ast.CommentGroup) bool { return g.Text() != "" })
}

// receiver returns the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
