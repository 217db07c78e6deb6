package notify_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/notify"
	"github.com/muster-deploy/muster/pipeline/pipelinetest"
	"github.com/muster-deploy/muster/target"
)

// A team's own tool gets signed webhooks and checks them.
func Example() {
	const secret = "sixteen bytes at least"
	told := make(chan struct{})
	tool := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		m, err := notify.Verify(secret, r.Header, body)
		fmt.Println(m.Pipeline, m.Kind+":", m.Text, err)
		close(told)
	}))
	defer tool.Close()

	n, err := notify.New(notify.Config{Receivers: []notify.Receiver{notify.Webhook{URL: tool.URL, Secret: secret}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	// In place of pipeline.Open(store, logs, "web") and engine.Watch(ctx, 0):
	web := pipelinetest.NewFake("web")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go n.Follow(ctx, web, func(yield func(pipeline.Event) bool) {
		yield(pipeline.Event{Kind: pipeline.EventClaimed}) // this process deploys
		web.End(pipeline.Deploy{
			ID: "42-3f9a1c0", Kind: pipeline.KindDeploy, End: pipeline.Live, Subject: "Say hello", To: target.Release{ID: "42-3f9a1c0"},
		}, "")
		yield(pipeline.Event{Kind: pipeline.EventEnded, Deploy: "42-3f9a1c0"})
		<-ctx.Done()
	})
	<-told
	// Output: web live: 42-3f9a1c0 "Say hello" is live <nil>
}
