package pipeline

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/muster-deploy/muster/lock"
)

// clone returns a copy that a transition may change. What transitions only replace,
// never change in place, is shared: it costs a tenth of reading the document again.
func (r Record) clone() (Record, error) {
	r.Served = slices.Clone(r.Served)
	r.Ended = slices.Clone(r.Ended)
	r.Excluded = slices.Clone(r.Excluded)
	r.Parked = slices.Clone(r.Parked)
	r.Requests = slices.Clone(r.Requests)
	r.Holds = slices.Clone(r.Holds)
	r.Observed = maps.Clone(r.Observed)
	if r.Open == nil {
		return r, nil
	}
	// An attempt is small and changed all through: it is copied whole.
	data, err := json.Marshal(r.Open)
	if err != nil {
		return Record{}, err
	}
	r.Open = nil
	return r, json.Unmarshal(data, &r.Open)
}

// read is decodeRecord, unless the version is the one that was read last.
func (s *session) read(data []byte, version lock.Version) (Record, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if version == s.version {
		return s.record.clone()
	}
	return decodeRecord(keys(s.e.name).record(), data)
}
