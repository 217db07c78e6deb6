package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how old the timestamp of a webhook may be for Verify, and how far ahead.
const Tolerance = 5 * time.Minute

// Webhook is a Receiver: it posts each Message as JSON, signed as the Standard Webhooks
// specification has it, for which there are libraries in many languages. Verify checks
// one in Go.
type Webhook struct {
	// URL is where messages are posted to.
	URL string
	// Secret signs them. One that begins with "whsec_" is base64 after that; another one
	// is taken as it is, and has at least 16 bytes.
	Secret string
	// Client makes the requests. Nil: one of its own.
	Client *http.Client
}

func (w Webhook) validate() error {
	_, err := key(w.Secret)
	return errors.Join(checkURL(w.URL), err)
}

// key is the secret as bytes.
func key(secret string) ([]byte, error) {
	data := []byte(secret)
	if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok {
		var err error
		if data, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return nil, errors.New("Secret begins with whsec_, and is not base64 after that")
		}
	}
	if len(data) < 16 {
		return nil, errors.New("Secret is shorter than 16 bytes: it could be guessed")
	}
	return data, nil
}

// Send implements Receiver.
func (w Webhook) Send(ctx context.Context, m Message) error {
	secret, err := key(w.Secret)
	if err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	stamp := fmt.Sprint(time.Now().Unix())
	return post(ctx, w.Client, w.URL, http.Header{
		"Webhook-Id": {m.ID}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {"v1," + sign(secret, m.ID, stamp, body)},
	}, body)
}

// sign signs a message with its id and its time, so that an old one cannot be sent again
// as a new one.
func sign(secret []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// ErrUnsigned says that a webhook was not signed with the secret, or too long ago.
var ErrUnsigned = errors.New("notify: the webhook is not signed")

// Verify checks the signature of a webhook that a receiver got, and returns its message.
// Whoever remembers the ids of the last minutes recognises one that comes twice.
func Verify(secret string, h http.Header, body []byte) (Message, error) {
	k, err := key(secret)
	if err != nil {
		return Message{}, err
	}
	id, stamp := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > Tolerance {
		return Message{}, fmt.Errorf("%w: its time is not now", ErrUnsigned)
	}
	want := []byte("v1," + sign(k, id, stamp, body))
	fits := false
	for one := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		fits = hmac.Equal([]byte(one), want) || fits
	}
	if !fits {
		return Message{}, ErrUnsigned
	}
	var m Message
	if err := json.Unmarshal(body, &m); err != nil {
		return Message{}, fmt.Errorf("read message: %w", err)
	}
	return m, nil
}
