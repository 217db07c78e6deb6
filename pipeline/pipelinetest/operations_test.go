package pipelinetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target/targettest"
)

// operation is something that happens in a random history, and how often it does.
type operation struct {
	weight int
	do     func(*world)
}

// operations are all that may happen.
var operations = []operation{
	{24, func(w *world) { w.commit(w.branch.tip()) }},
	{6, (*world).hold},
	{6, (*world).lift},
	{5, (*world).rollback},
	{8, (*world).resume},
	{2, (*world).abort},
	{5, (*world).ship},
	{1, (*world).forcePush},
	{3, (*world).flip},
	{4, (*world).cutUnit},
	{3, func(w *world) { w.reach() }},
	{3, (*world).sicken},
	{2, (*world).damage},
	{4, (*world).crash},
	{3, (*world).pauseDeployer},
	{3, func(w *world) { w.wakeAll() }},
	{5, (*world).startDeployer},
	{1, (*world).stopDeployer},
	{3, func(w *world) { w.faults.Store(!w.faults.Load()) }},
	{3, (*world).redeliver},
	{3, (*world).repeat},
	{2, func(w *world) { w.branch.fail(w.random.IntN(2) == 0) }},
	{2, (*world).answer},
	{2, (*world).changeChecks},
}

// step makes one operation happen.
func (w *world) step() {
	total := 0
	for _, o := range operations {
		total += o.weight
	}
	n := w.random.IntN(total)
	for _, o := range operations {
		if n -= o.weight; n < 0 {
			o.do(w)
			return
		}
	}
}

// later does something after a while, in a goroutine of its own.
func (w *world) later(most time.Duration, f func()) {
	d := time.Duration(w.random.Int64N(int64(most)))
	w.wait.Go(func() {
		time.Sleep(d)
		f()
	})
}

// commit pushes a change, whose verdict comes later, if at all.
func (w *world) commit(on string) string {
	revision := w.branch.push(on)
	content := revision
	if w.random.IntN(6) == 0 { // it changes nothing that is shipped, or it is a revert
		content = fmt.Sprint(w.random.IntN(3))
	}
	script := buildtest.Script{Files: map[string]string{"content": content}, Delay: time.Duration(w.random.IntN(4000)) * time.Millisecond}
	digest := buildtest.Artifact(script.Files).Digest
	if w.random.IntN(12) == 0 {
		script.Err = errors.New("simulated: it does not compile")
	}
	w.builds.Set(revision, script)
	w.mu.Lock()
	w.artifact[digest] = append(w.artifact[digest], revision)
	w.bad[revision] = w.random.IntN(10) == 0
	w.mu.Unlock()
	w.note("push %s on %s", name(revision), name(on))
	switch n := w.random.IntN(10); {
	case n < 7:
		w.later(15*time.Second, func() { w.judge(revision, pipeline.Passed) })
	case n < 9:
		w.later(15*time.Second, func() { w.judge(revision, pipeline.Failed) })
	}
	return revision
}

func (w *world) judge(revision string, v pipeline.Verdict) {
	w.branch.judge(revision, v)
	w.note("CI: %s %s", name(revision), v)
}

// flip changes CI's mind about a recent change.
func (w *world) flip() {
	if revision := w.branch.back(w.random.IntN(3)); revision != "" {
		w.judge(revision, []pipeline.Verdict{pipeline.Passed, pipeline.Failed, pipeline.Pending}[w.random.IntN(3)])
	}
}

// forcePush takes commits off the branch, in some histories.
func (w *world) forcePush() {
	if w.seed%4 == 1 {
		w.note("force push")
		w.commit(w.branch.back(1 + w.random.IntN(3)))
	}
}

// ask makes a request, which may arrive late.
func (w *world) ask(q func(pipeline.Asked) pipeline.Request) {
	w.mu.Lock()
	id := fmt.Sprintf("q%d", len(w.asked)+1)
	by := []string{"ann", "bob"}[w.random.IntN(2)]
	r := q(pipeline.Asked{ID: id, By: by, Reason: "random"})
	w.asked[id] = asking{request: r}
	w.mu.Unlock()
	most := time.Millisecond
	if w.random.IntN(4) == 0 {
		most = 10 * time.Second
	}
	w.later(most, func() { w.send(id, r) })
}

// send hands a request in.
func (w *world) send(id string, r pipeline.Request) {
	_, err := w.operator.Do(context.Background(), r)
	w.note("%T%+v: %v", r, r, err)
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if a := w.asked[id]; a.done.IsZero() {
			a.done = time.Now()
			w.asked[id] = a
		}
	}
}

// repeat hands a request in once more, with the same id.
func (w *world) repeat() {
	w.mu.Lock()
	n := len(w.asked)
	w.mu.Unlock()
	if n == 0 {
		return
	}
	id := fmt.Sprintf("q%d", 1+w.random.IntN(n))
	w.mu.Lock()
	r := w.asked[id].request
	w.mu.Unlock()
	w.later(5*time.Second, func() { w.send(id, r) })
}

func (w *world) hold() {
	scope := []lock.Scope{"", "", lock.Prefix("shop/"), lock.All, lock.Pipeline("shop/other")}[w.random.IntN(5)]
	level := []lock.Level{lock.Deploys, lock.Deploys, lock.Everything}[w.random.IntN(3)]
	var until time.Time
	if w.random.IntN(2) == 0 {
		until = time.Now().Add(time.Duration(5+w.random.IntN(30)) * time.Second)
	}
	w.ask(func(a pipeline.Asked) pipeline.Request {
		return pipeline.PlaceHold{Asked: a, Scope: scope, Level: level, Until: until}
	})
}

func (w *world) lift() {
	holds := w.holds()
	if len(holds) == 0 {
		return
	}
	id := holds[w.random.IntN(len(holds))].ID
	w.ask(func(a pipeline.Asked) pipeline.Request { return pipeline.LiftHold{Asked: a, Hold: id} })
}

// rollback undoes what is live or on its way; sometimes two people do.
func (w *world) rollback() {
	r := w.store.last()
	from := ""
	switch {
	case r.Open != nil && w.random.IntN(2) == 0:
		from = r.Open.ID
	case r.Live != nil:
		from = r.Live.ID
	default:
		return
	}
	to := ""
	if len(r.Served) > 0 && w.random.IntN(4) == 0 {
		to = r.Served[w.random.IntN(len(r.Served))].ID
	}
	for range 1 + w.random.IntN(2) {
		w.ask(func(a pipeline.Asked) pipeline.Request { return pipeline.Rollback{Asked: a, From: from, To: to} })
	}
}

func (w *world) resume() {
	r := w.store.last()
	if r.Stop == nil {
		return
	}
	from := w.branch.back(w.random.IntN(3))
	w.ask(func(a pipeline.Asked) pipeline.Request { return pipeline.Resume{Asked: a, Stop: r.Stop.ID, From: from} })
}

func (w *world) abort() {
	if r := w.store.last(); r.Open != nil {
		w.ask(func(a pipeline.Asked) pipeline.Request { return pipeline.Abort{Asked: a, Deploy: r.Open.ID} })
	}
}

func (w *world) ship() {
	revision := w.branch.back(w.random.IntN(4))
	if revision == "" {
		return
	}
	var past []string
	if w.random.IntN(2) == 0 {
		for _, h := range w.holds() {
			past = append(past, h.ID)
		}
	}
	unjudged := w.random.IntN(3) == 0
	w.ask(func(a pipeline.Asked) pipeline.Request {
		return pipeline.Ship{Asked: a, Revision: revision, Holds: past, Unjudged: unjudged}
	})
}

// answer says of a hook whose end nobody knows that it did its work, or not.
func (w *world) answer() {
	r := w.store.last()
	if r.Open == nil || r.Waiting == nil || r.Waiting.Code != pipeline.CodeWaiting {
		return
	}
	for _, s := range r.Open.Stages {
		if s.Hooks["migrate"] == pipeline.HookBegun {
			done := w.random.IntN(2) == 0
			w.ask(func(a pipeline.Asked) pipeline.Request {
				return pipeline.Answer{Asked: a, Deploy: r.Open.ID, Hook: "migrate", Done: done}
			})
		}
	}
}

// unit picks a unit at random.
func (w *world) unit() (*targettest.Memory, string) {
	t := w.targets[w.random.IntN(len(w.targets))]
	members := t.Members()
	return t, members[w.random.IntN(len(members))]
}

func (w *world) cutUnit() {
	t, unit := w.unit()
	t.Cut(unit, true)
	w.note("%s is cut off", unit)
}

// reach makes every unit reachable again.
func (w *world) reach() {
	for _, t := range w.targets {
		for _, unit := range t.Members() {
			t.Cut(unit, false)
		}
	}
	w.note("every unit is reachable")
}

// sicken makes a unit fail with what is on its way, or makes all well again.
func (w *world) sicken() {
	_, unit := w.unit()
	r := w.store.last()
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Open == nil || w.random.IntN(3) == 0 {
		clear(w.sick)
		return
	}
	w.sick[unit+r.Open.To.Digest] = true
}

// damage is what people and disks do to units.
func (w *world) damage() {
	t, unit := w.unit()
	r := w.store.last()
	switch {
	case r.Live == nil:
	case w.random.IntN(2) == 0:
		t.Forget(unit, r.Live.Digest)
		w.note("%s forgets %s", unit, r.Live.ID)
	default:
		t.Sicken(unit, "hit by a truck")
		w.note("%s falls ill", unit)
	}
}

// crash kills a deployer, now or at one of its next writes.
func (w *world) crash() {
	alive := w.alive()
	if len(alive) == 0 {
		return
	}
	d := alive[w.random.IntN(len(alive))]
	if n := w.random.IntN(12); n > 0 {
		d.light(n, w.random.IntN(2) == 0)
		w.note("%s will die at write %d", d.name, n)
		return
	}
	w.note("%s dies", d.name)
	d.die()
}

// pauseDeployer stops a process in the middle of whatever it does. It wakes up by
// itself, or with the others.
func (w *world) pauseDeployer() {
	if alive := w.alive(); len(alive) > 0 {
		d := alive[w.random.IntN(len(alive))]
		w.note("%s is paused", d.name)
		d.pause()
	}
}

func (w *world) wakeAll() {
	for _, d := range w.deployers {
		d.wake()
	}
	w.note("all wake up")
}

func (w *world) startDeployer() {
	if len(w.alive()) < 3 {
		w.deploy()
	}
}

func (w *world) stopDeployer() {
	if alive := w.alive(); len(alive) > 0 {
		w.note("%s is asked to leave", alive[0].name)
		alive[0].leave()
	}
}

// redeliver hands a unit an order that it may have had before.
func (w *world) redeliver() {
	w.mu.Lock()
	recent := slices.Clone(w.parcels)
	w.mu.Unlock()
	if len(recent) == 0 {
		return
	}
	d := recent[w.random.IntN(len(recent))]
	w.later(5*time.Second, func() {
		err := d.target.Deliver(context.Background(), d.unit, d.order)
		w.note("order %d arrives at %s once more: %v", d.order.Number, d.unit, err)
	})
}

// changeChecks makes checks see nothing, or see again.
func (w *world) changeChecks() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shrug = !w.shrug && w.random.IntN(3) == 0
}
