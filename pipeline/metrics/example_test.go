package metrics_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/metrics"
	"github.com/muster-deploy/muster/pipeline/pipelinetest"
)

// Prometheus scrapes a deployer.
func Example() {
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := metrics.New(metrics.Config{Provider: sdk.NewMeterProvider(sdk.WithReader(reader))})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})) // in a deployer: http.Handle("GET /metrics", ...)
	defer server.Close()

	// In place of pipeline.Open(store, logs, "web") and engine.Watch(ctx, 0):
	web := pipelinetest.NewFake("web")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events := make(chan pipeline.Event)
	go m.Follow(ctx, web, func(yield func(pipeline.Event) bool) {
		for e := range events {
			yield(e)
		}
	})
	events <- pipeline.Event{Kind: pipeline.EventClaimed, At: time.Now()}
	began := time.Now()
	web.End(pipeline.Deploy{
		ID: "42-3f9a1c0", Kind: pipeline.KindDeploy, End: pipeline.Live,
		Committed: began.Add(-20 * time.Minute), Began: began, Ended: began,
	}, "")
	events <- pipeline.Event{Kind: pipeline.EventEnded, Deploy: "42-3f9a1c0"}

	for _, line := range scrape(server.URL, "muster_lead_time_seconds_count") {
		if !strings.Contains(line, "bucket") && !strings.HasPrefix(line, "#") {
			fmt.Println(line)
		}
	}
	// Output:
	// muster_deploys_total{end="live",kind="deploy",pipeline="web"} 1
	// muster_lead_time_seconds_sum{pipeline="web"} 1200
	// muster_lead_time_seconds_count{pipeline="web"} 1
}

// scrape reads the metrics of deploys and lead times, once there is one of that name.
func scrape(url, name string) (lines []string) {
	for range 10_000 {
		r, err := http.Get(url)
		if err != nil {
			return []string{err.Error()}
		}
		lines = nil
		for s := bufio.NewScanner(r.Body); s.Scan(); {
			if strings.Contains(s.Text(), "muster_deploys") || strings.Contains(s.Text(), "muster_lead_time") {
				lines = append(lines, s.Text())
			}
		}
		r.Body.Close()
		if strings.Contains(strings.Join(lines, "\n"), name+"{") {
			return lines
		}
	}
	return lines
}
