package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/local"
)

// fleet is processes that stand for hosts, one after the other switched behind a
// balancer, which is where people see the app.
func (l *onThisMachine) fleet(place string, hosts int) (*local.Local, error) {
	app, stage, _ := strings.Cut(place, " ")
	c := local.Config{
		Name: stage, Dir: l.path("hosts-" + app + "-" + stage), Command: []string{"./app"}, HealthPath: "/health",
		Probes: 2, Interval: 150 * time.Millisecond, Grace: time.Second, Patience: 3 * time.Second,
	}
	ports, err := freePorts(hosts)
	if err != nil {
		return nil, err
	}
	for i, port := range ports {
		c.Hosts = append(c.Hosts, local.Host{Name: fmt.Sprintf("%s-%d", app, i+1), Port: port})
	}
	balancer := local.NewBalancer(c.Backends(), nil)
	c.Fleet = fleet.Config{Batch: fleet.Number(1), Balancer: balancer}
	f, err := local.New(c)
	if err != nil {
		return nil, err
	}
	l.fleets = append(l.fleets, f)
	l.sites[strings.ReplaceAll(place, " ", "-")] = balancer
	return f, nil
}

// freePorts finds ports below those that a system gives to outgoing connections.
func freePorts(n int) ([]int, error) {
	var free []int
	for range 1000 {
		port := 20000 + rand.IntN(10000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		if free = append(free, port); len(free) == n {
			return free, nil
		}
	}
	return nil, errors.New("find free ports: none between 20000 and 30000")
}

// website serves a bucket as a website does.
type website struct{ bucket *s3test.Bucket }

func (s website) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/")
	if key == "" {
		key = "index.html"
	}
	o, err := s.bucket.GetObject(r.Context(), &s3.GetObjectInput{Bucket: &s.bucket.Name, Key: &key})
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer o.Body.Close()
	if o.ContentType != nil {
		w.Header().Set("Content-Type", *o.ContentType)
	}
	_, _ = io.Copy(w, o.Body)
}
