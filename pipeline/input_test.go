package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

func TestAConfigWithFiveMistakesIsToldAllFive(t *testing.T) {
	w := newWorld("a")
	c := w.config()
	c.Name = "Web App"
	c.Source = nil
	c.Poll = -time.Second
	c.Stages[0].Bake = time.Minute
	c.Stages = append(c.Stages, pipeline.Stage{Name: "production", Targets: []target.Target{w.fleet, nil}})
	_, err := pipeline.New(c)
	require.Error(t, err)
	for _, mistake := range []string{
		`Name is "Web App"`, "Source is missing", "Poll, Converge, Handover or LeaseDuration is negative",
		`Stages[0] ("production") bakes for 1m0s without a check that could fail`,
		`Stages[1] ("production"): two stages have this name`, `Stages[1] ("production"): two targets are named "fleet"`,
		`Stages[1] ("production") has a target that is nil`,
	} {
		assert.ErrorContains(t, err, mistake)
	}
}

func TestAnEmptyConfigIsToldWhatIsMissing(t *testing.T) {
	_, err := pipeline.New(pipeline.Config{})
	for _, missing := range []string{"Name", "Source", "CI", "Builds", "Store", "Logs", "Stages"} {
		assert.ErrorContains(t, err, missing+" is ")
	}
}

// refusal asks for something that is refused.
func refusal(t *testing.T, p pipeline.Pipeline, q pipeline.Request) *pipeline.Refusal {
	t.Helper()
	_, err := p.Do(context.Background(), q)
	var r *pipeline.Refusal
	require.True(t, errors.As(err, &r), "%v", err)
	return r
}

func TestABadRequestIsRefusedWithASentenceAndChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		w.commit(pipeline.Passed)
		e, stop := start(t, w.config())
		defer stop()
		after(10 * time.Second)
		live := status(t, e).Live.ID
		before, _, err := w.store.Load(t.Context(), "pipelines/web/record")
		require.NoError(t, err)
		for _, c := range []struct {
			q      pipeline.Request
			code   pipeline.RefusalCode
			reason string
		}{
			{pipeline.PlaceHold{Asked: pipeline.Asked{By: "ann", Reason: " "}}, pipeline.Invalid, "a hold needs a reason"},
			{pipeline.PlaceHold{Asked: pipeline.Asked{Reason: "why"}}, pipeline.Invalid, "does not say who asks"},
			{pipeline.PlaceHold{Asked: ann, Until: time.Unix(1, 0)}, pipeline.Invalid, "before it begins"},
			{pipeline.PlaceHold{Asked: ann, Scope: "team"}, pipeline.Invalid, "hold has scope"},
			{pipeline.PlaceHold{Asked: pipeline.Asked{By: "ann", Reason: strings.Repeat("x", lock.MaxReason+1)}}, pipeline.Invalid, "at most 2000 are kept"},
			{pipeline.LiftHold{Asked: ann, Hold: "none"}, pipeline.Outdated, `there is no hold "none"`},
			{pipeline.Ship{Asked: ann, Revision: "fffffff"}, pipeline.Invalid, "fffffff is not on the branch ahead of what is live"},
			{pipeline.Rollback{Asked: ann, From: live}, pipeline.Impossible, "there is nothing to go back to"},
			{pipeline.Rollback{Asked: ann, From: "77-abc"}, pipeline.Outdated, "neither live nor on its way"},
			{pipeline.Rollback{Asked: pipeline.Asked{By: "ann"}, From: live}, pipeline.Invalid, "a rollback needs a reason"},
			{pipeline.Resume{Asked: ann, Stop: "1-rollback", From: w.line[0]}, pipeline.Outdated, "the pipeline is not stopped"},
			{pipeline.Resume{Asked: ann, From: w.line[0]}, pipeline.Invalid, "does not name the stop"},
			{pipeline.Abort{Asked: ann, Deploy: "9-x"}, pipeline.Outdated, "not under way"},
			{pipeline.Answer{Asked: ann, Deploy: "9-x", Hook: "h"}, pipeline.Outdated, "not under way"},
		} {
			r := refusal(t, e, c.q)
			assert.Equal(t, c.code, r.Code, "%s", r.Reason)
			assert.Contains(t, r.Reason, c.reason)
		}
		now, _, err := w.store.Load(t.Context(), "pipelines/web/record")
		require.NoError(t, err)
		assert.JSONEq(t, string(before), string(now))
	})
}

func TestARequestThatIsRepeatedByItsIdIsAppliedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		w.commit(pipeline.Passed)
		after(minute)
		q := pipeline.Rollback{Asked: pipeline.Asked{ID: "button-7", By: "ann", Reason: "errors"}, From: status(t, w.outside()).Live.ID}
		do(t, w.outside(), q)
		after(minute)
		do(t, w.outside(), q)
		after(minute)
		assert.Len(t, history(t, w.outside()), 3, "two deploys and one rollback")
		wide := pipeline.PlaceHold{Asked: pipeline.Asked{ID: "h", By: "ann", Reason: "freeze"}, Scope: lock.All}
		do(t, w.outside(), wide)
		do(t, w.outside(), wide)
		assert.Len(t, status(t, w.outside()).Holds, 1)
		do(t, w.outside(), pipeline.LiftHold{Asked: ann, Hold: "h"})
		assert.Empty(t, status(t, w.outside()).Holds)
	})
}

// over runs an engine over a record's document and returns what is there after it.
func over(t *testing.T, document string) (after string, err error) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		w.commit(pipeline.Passed)
		_, swapErr := w.store.Swap(t.Context(), "pipelines/web/record", "", []byte(document))
		require.NoError(t, swapErr)
		e, newErr := pipeline.New(w.config())
		require.NoError(t, newErr)
		ctx, cancel := context.WithTimeout(t.Context(), 5*minute)
		defer cancel()
		err = e.Run(ctx)
		_, _ = w.outside().Do(t.Context(), pipeline.PlaceHold{Asked: ann})
		data, _, loadErr := w.store.Load(t.Context(), "pipelines/web/record")
		require.NoError(t, loadErr)
		after = string(data)
	})
	return after, err
}

func TestADamagedRecordIsRefusedAndNeverOverwritten(t *testing.T) {
	for _, document := range []string{"", "{", "null", "[]", `"text"`, `{"schema":1}`, `{"schema":0,"name":"web"}`, `{"schema":1,"name":"web","epoch":"x"}`} {
		now, err := over(t, document)
		assert.ErrorIs(t, err, pipeline.ErrDamaged, "%q", document)
		assert.Equal(t, document, now)
	}
}

func TestARecordOfAMuchNewerSchemaIsRefusedAndNeverOverwritten(t *testing.T) {
	for _, document := range []string{
		`{"schema":3,"name":"web","epoch":7,"novel":{"a":1}}`,
		`{"schema":3,"name":"web","epoch":{"major":7}}`, // a known field in another form
	} {
		now, err := over(t, document)
		var schema *pipeline.SchemaError
		require.ErrorAs(t, err, &schema)
		assert.Equal(t, 3, schema.Schema)
		assert.ErrorContains(t, err, "run a newer deployer; nothing was written")
		assert.Equal(t, document, now)
	}
}

func TestFieldsOfTheNextSchemaAreKept(t *testing.T) {
	now, err := over(t, `{"schema":2,"name":"web","epoch":7,"novel":{"a":[1,2]},"number":3,"releases":0,"page":0}`)
	require.NoError(t, err)
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(now), &fields))
	assert.JSONEq(t, `{"a":[1,2]}`, string(fields["novel"]))
	assert.JSONEq(t, "2", string(fields["schema"]))
	assert.JSONEq(t, "8", string(fields["epoch"]), "it was worked with")
	assert.Contains(t, string(fields["live"]), "digest")
}

func TestAPipelineThatNeverRanSaysSo(t *testing.T) {
	w := newWorld("a")
	p := w.outside()
	_, err := p.Status(t.Context())
	require.ErrorIs(t, err, pipeline.ErrNoPipeline)
	_, err = p.Do(t.Context(), pipeline.PlaceHold{Asked: ann})
	require.ErrorIs(t, err, pipeline.ErrNoPipeline)
	for _, err := range p.Deploys(t.Context(), "") {
		require.ErrorIs(t, err, pipeline.ErrNoPipeline)
	}
	_, err = pipeline.Open(w.store, nil, "web").Log(t.Context(), "1-x")
	require.ErrorContains(t, err, "without a store of logs")
}

// everyRequest is one of each kind, with every field set.
var everyRequest = []pipeline.Request{
	pipeline.PlaceHold{Asked: ann, Scope: lock.All, Level: lock.Everything, Until: time.Unix(1e9, 0).UTC()},
	pipeline.LiftHold{Asked: ann, Hold: "h"},
	pipeline.Ship{Asked: ann, Revision: "r", Holds: []string{"h", "i"}, Unjudged: true},
	pipeline.Rollback{Asked: ann, From: "2-x", To: "1-x"},
	pipeline.Resume{Asked: ann, Stop: "3-rollback", From: "r"},
	pipeline.Abort{Asked: ann, Deploy: "2-x"},
	pipeline.Answer{Asked: ann, Deploy: "2-x", Hook: "migrate", Done: true},
}

func TestARequestSurvivesItsWireForm(t *testing.T) {
	for _, q := range everyRequest {
		data, err := pipeline.EncodeRequest(q)
		require.NoError(t, err)
		back, err := pipeline.DecodeRequest(data)
		require.NoError(t, err, "%s", data)
		assert.Equal(t, q, back)
	}
	for _, bad := range []string{"", "{}", `{"kind":"dance","request":{}}`, `{"kind":"ship"}`, `{"kind":"ship","request":[]}`, `{"kind":"hold","request":{"until":"soon"}}`} {
		_, err := pipeline.DecodeRequest([]byte(bad))
		assert.ErrorContains(t, err, "decode ", "%q", bad)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, q := range everyRequest {
		data, err := pipeline.EncodeRequest(q)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := pipeline.DecodeRequest(data)
		if err != nil {
			return
		}
		once, err := pipeline.EncodeRequest(q)
		if err != nil {
			return // a time that JSON cannot write
		}
		again, err := pipeline.DecodeRequest(once)
		require.NoError(t, err)
		twice, err := pipeline.EncodeRequest(again)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}
