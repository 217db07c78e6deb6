package herokutest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// states are what the dynos of a type do.
func (a *App) states(process string) (all []State) {
	for i := range a.formation[process] {
		state := Up
		if a.Boot != nil {
			state = a.Boot(a.current().public(), fmt.Sprintf("%s.%d", process, i+1))
		}
		if a.seen < a.Polls {
			state = Starting
		}
		all = append(all, state)
	}
	return all
}

// serving says whether a web dyno answers.
func (a *App) serving() bool {
	if a.current().slug == nil {
		return false
	}
	if a.Preboot && a.seen < a.Polls {
		return true
	}
	all := a.states("web")
	return slices.Contains(all, Up) || slices.Contains(all, Idle)
}

func (a *App) listFormation(w http.ResponseWriter, r *http.Request) {
	var all []item
	for _, process := range slices.Sorted(maps.Keys(a.formation)) {
		all = append(all, item{process, map[string]any{
			"id": process, "type": process, "quantity": a.formation[process], "command": "run", "size": "Standard-1X",
		}})
	}
	page(w, r, "id", all)
}

func (a *App) listDynos(w http.ResponseWriter, r *http.Request) {
	now := a.current()
	var all []item
	add := func(name, process string, state State, version int) {
		all = append(all, item{name, map[string]any{
			"id": name, "name": name, "type": process, "state": state,
			"release": map[string]any{"id": fmt.Sprintf("release-%d", version), "version": version},
		}})
	}
	if now.slug != nil {
		for _, process := range slices.Sorted(maps.Keys(a.formation)) {
			for i, state := range a.states(process) {
				add(fmt.Sprintf("%s.%d", process, i+1), process, state, now.version)
				if a.Preboot && a.seen < a.Polls {
					add(fmt.Sprintf("%s.%d", process, i+1), process, Up, now.version-1)
				}
			}
		}
	}
	if newest := a.releases[len(a.releases)-1]; newest.status == "pending" {
		add("release.4711", "release", Up, newest.version)
	}
	a.seen++
	page(w, r, "id", all)
}
