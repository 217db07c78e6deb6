package dashboard

import (
	"fmt"

	"github.com/muster-deploy/muster/pipeline"
)

// amend returns the request with who asks, and its id, changed. A kind of request that
// is not known here is an error: it must not pass with a name that nobody checked.
func amend(r pipeline.Request, change func(*pipeline.Asked)) (pipeline.Request, error) {
	switch q := r.(type) {
	case pipeline.PlaceHold:
		change(&q.Asked)
		return q, nil
	case pipeline.LiftHold:
		change(&q.Asked)
		return q, nil
	case pipeline.Ship:
		change(&q.Asked)
		return q, nil
	case pipeline.Rollback:
		change(&q.Asked)
		return q, nil
	case pipeline.Resume:
		change(&q.Asked)
		return q, nil
	case pipeline.Abort:
		change(&q.Asked)
		return q, nil
	case pipeline.Answer:
		change(&q.Asked)
		return q, nil
	}
	return nil, fmt.Errorf("this dashboard does not know requests of the kind %T", r)
}
