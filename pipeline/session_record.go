package pipeline

import (
	"context"
	"fmt"

	"github.com/muster-deploy/muster/lock"
)

// load reads the record and makes sure that it is this session's. What it returns
// is shared by those who load the same version: it is for reading only.
func (s *session) load() (Record, error) {
	data, version, err := s.e.document(s.ctx)
	if err != nil {
		return Record{}, err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	if version != s.version {
		r, err := decodeRecord(keys(s.e.name).record(), data)
		if err != nil {
			return Record{}, err
		}
		s.record, s.version = r, version
	}
	return s.record, s.mine(&s.record)
}

// mine returns ErrLost when another deployer has claimed the record.
func (s *session) mine(r *Record) error {
	if r.Epoch != s.epoch {
		return fmt.Errorf("%w: %s claimed the record, epoch %d after %d", lock.ErrLost, r.Holder, r.Epoch, s.epoch)
	}
	return nil
}

// swap changes the record while it is this session's. What was logged since the
// last swap is stored first and counted in the same swap.
func (s *session) swap(change func(*Record) error) (Record, error) {
	select {
	case s.swapping <- struct{}{}:
		defer func() { <-s.swapping }()
	case <-s.ctx.Done():
		return Record{}, context.Cause(s.ctx)
	}
	log, piece := s.log, s.log.take()
	r, version, err := s.e.swapped(s.ctx, s.read, func(r *Record) error {
		if err := s.mine(r); err != nil {
			return err
		}
		s.store(r, log.deploy, piece)
		return change(r)
	})
	if err != nil {
		log.putBack(piece)
		return Record{}, err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	s.record, s.version = r, version
	return r, nil
}

// store keeps a piece of the open deploy's log. A deploy does not wait for its log.
func (s *session) store(r *Record, deploy string, piece []byte) {
	if r.Open == nil || r.Open.ID != deploy || len(piece) == 0 {
		return
	}
	if err := s.e.putPiece(s.ctx, deploy, r.Open.Logged, piece); err != nil {
		s.e.tell(Event{Kind: EventProblem, Deploy: deploy, Message: "store log: " + err.Error()})
		return
	}
	r.Open.Logged++
}
