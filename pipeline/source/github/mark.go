package github

import "encoding/json"

// mark is what a deployment carries to be found again.
type mark struct {
	Pipeline string `json:"pipeline,omitempty"`
	Deploy   string `json:"muster_deploy,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler. Other tools' payloads may be anything:
// they are no mark.
func (m *mark) UnmarshalJSON(data []byte) error {
	*m = mark{}
	var text string
	if json.Unmarshal(data, &text) == nil {
		data = []byte(text)
	}
	type plain mark
	var p plain
	if json.Unmarshal(data, &p) == nil {
		*m = mark(p)
	}
	return nil
}
