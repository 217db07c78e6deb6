package dashboard

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// formLife is how long a form may be open.
const formLife = 14 * 24 * time.Hour

// sealed is what a form carries, signed: what it acts on, the id of its request, and
// what was seen when it was opened.
type sealed struct {
	Pipeline string    `json:"pipeline"`
	Action   string    `json:"action"`
	On       string    `json:"on,omitempty"` // the release, stop, hold or deploy, or the hook's deploy
	To       string    `json:"to,omitempty"` // the release to go back to, or the hook
	Request  string    `json:"request"`
	At       time.Time `json:"at"`
	Seen     seen      `json:"seen"`
}

// seen is what people go by when they decide.
type seen struct {
	Live  string   `json:"live,omitempty"`
	Open  string   `json:"open,omitempty"`
	Stop  string   `json:"stop,omitempty"`
	Holds []string `json:"holds,omitempty"`
}

func seenOf(s pipeline.Status) seen {
	m := markOf(s)
	n := seen{Live: m.live, Open: m.open, Stop: m.stop}
	for _, h := range s.Holds {
		n.Holds = append(n.Holds, h.ID)
	}
	slices.Sort(n.Holds)
	return n
}

func (s seen) equal(o seen) bool {
	return s.Live == o.Live && s.Open == o.Open && s.Stop == o.Stop && slices.Equal(s.Holds, o.Holds)
}

var encoding = base64.RawURLEncoding

// seal returns s as text that only this dashboard can make, for this user.
func (d *Dashboard) seal(u User, s sealed) string {
	text, err := json.Marshal(s)
	if err != nil {
		return "" // it opens nothing
	}
	return encoding.EncodeToString(text) + "." + encoding.EncodeToString(d.sign(u, text))
}

func (d *Dashboard) sign(u User, text []byte) []byte {
	about, _ := json.Marshal([]string{"form", u.Name, u.Session, string(text)}) // strings always can
	mac := hmac.New(sha256.New, d.c.Key)
	mac.Write(about)
	return mac.Sum(nil)
}

// errSeal is why a form cannot be taken.
var errSeal = errors.New("this form was opened by somebody else, or before the dashboard was started again, or too long ago: look at what it says now, and confirm it once more")

// unseal returns what a form carries, if it was opened for this user and this action.
func (d *Dashboard) unseal(u User, l *lane, action, text string) (sealed, error) {
	first, second, _ := strings.Cut(text, ".")
	body, err1 := encoding.DecodeString(first)
	mac, err2 := encoding.DecodeString(second)
	var s sealed
	if err1 != nil || err2 != nil || !hmac.Equal(mac, d.sign(u, body)) || json.Unmarshal(body, &s) != nil {
		return sealed{}, errSeal
	}
	if s.Pipeline != l.name || s.Action != action || time.Since(s.At) > formLife {
		return sealed{}, errSeal
	}
	return s, nil
}
