package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os/user"
	"slices"
	"time"

	"github.com/muster-deploy/muster/pipeline/dashboard"
)

//go:embed front.html
var frontText string

var front = template.Must(template.New("front").Parse(frontText))

// listen makes the dashboard, and the page from which changes are pushed.
func (l *onThisMachine) listen(address string) (err error) {
	if l.listener, err = net.Listen("tcp", address); err != nil {
		return err
	}
	at := l.listener.Addr().(*net.TCPAddr)
	if !at.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("-listen %s: whoever reaches it may do everything, so it stays on this machine", address), l.listener.Close())
	}
	l.url = "http://" + at.String()
	l.board, err = dashboard.New(dashboard.Config{
		Title: "Intercom", Pipelines: l.pipelines(), Authorize: you, Refresh: 2 * time.Second,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/deploys/", http.StripPrefix("/deploys", l.board))
	mux.HandleFunc("GET /{$}", l.front)
	mux.HandleFunc("POST /push/{app}", l.pushOne)
	for place, handler := range l.sites {
		mux.Handle("GET /see/"+place+"/", http.StripPrefix("/see/"+place, handler))
	}
	l.server = &http.Server{Handler: only(at.String(), http.NewCrossOriginProtection().Handler(mux)), ReadHeaderTimeout: 10 * time.Second}
	l.server.RegisterOnShutdown(l.board.Close)
	return nil
}

// you are whoever has a browser on this machine, and may do everything.
func you(*http.Request, dashboard.Access) (dashboard.User, error) {
	name := "you"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	return dashboard.User{Name: name}, nil
}

// only answers by its own address: a name that a web site has pointed at this machine
// is not ours.
func only(address string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != address {
			http.Error(w, "open http://"+address+"/", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// front shows what there is to click.
func (l *onThisMachine) front(w http.ResponseWriter, _ *http.Request) {
	_ = front.Execute(w, map[string]any{"Apps": l.repositories, "Places": slices.Sorted(maps.Keys(l.sites))})
}

// Name is the app's name.
func (r *repository) Name() string { return r.name }

// pushOne pushes a change when the button is pressed.
func (l *onThisMachine) pushOne(w http.ResponseWriter, r *http.Request) {
	for _, repository := range l.repositories {
		if repository.name != r.PathValue("app") {
			continue
		}
		if err := repository.push(r.Context(), r.FormValue("broken") != ""); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/deploys/p/intercom."+repository.name+"/", http.StatusSeeOther)
		return
	}
	http.NotFound(w, r)
}

// pushEvery pushes a change to one of the apps again and again.
func (l *onThisMachine) pushEvery(ctx context.Context, every time.Duration) {
	for tick := time.NewTicker(every); ; {
		select {
		case <-tick.C:
			r := l.repositories[rand.IntN(len(l.repositories))]
			if err := r.push(ctx, false); err != nil && ctx.Err() == nil {
				fmt.Println("push:", err)
			}
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}
