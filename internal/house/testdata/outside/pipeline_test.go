package deployer

import (
	"testing"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/pipelinetest"
)

// TestPipeline asks the fake pipeline what is live.
func TestPipeline(t *testing.T) {
	var p pipeline.Pipeline = pipelinetest.NewFake("payments/web")
	s, err := p.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Name() != "payments/web" || s.Name != p.Name() {
		t.Errorf("the pipeline %q says that it is %q", p.Name(), s.Name)
	}
}
