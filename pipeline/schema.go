package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/muster-deploy/muster/lock"
)

// Schema is the version of the record's form that this package writes. It reads
// the next one too and keeps what it does not know of it, so that a deployer that
// was rolled back can read what its successor wrote; a schema grows at the top
// level only.
const Schema = 1

// SchemaError says that a document was written by a later version of this package.
// It was left as it is.
type SchemaError struct {
	Key    string
	Schema int
}

// Error says what to do.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("%s has schema %d, this deployer reads up to %d: run a newer deployer; nothing was written", e.Key, e.Schema, Schema+1)
}

// ErrDamaged says that a document is not what this package writes. It was left as
// it is, for a person to look at.
var ErrDamaged = errors.New("pipeline: document is damaged")

// unknownFields are the parts of a document of the next schema, kept as they were.
type unknownFields map[string]json.RawMessage

// decodeRecord reads a record's document. The key is for the errors.
func decodeRecord(key string, data []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, unreadable(key, data, err)
	}
	if r.Schema > Schema+1 {
		return Record{}, &SchemaError{Key: key, Schema: r.Schema}
	}
	if r.Schema < 1 || r.Name == "" {
		return Record{}, fmt.Errorf("read %s: %w: it has no schema or no name; restore it from a copy, nothing was written", key, ErrDamaged)
	}
	if r.Schema > Schema {
		r.rest = unknown(data)
	}
	return r, nil
}

// unreadable says why a record's document cannot be read: a much later schema may
// have given a field another form.
func unreadable(key string, data []byte, err error) error {
	var head struct {
		Schema int `json:"schema"`
	}
	if json.Unmarshal(data, &head) == nil && head.Schema > Schema+1 {
		return &SchemaError{Key: key, Schema: head.Schema}
	}
	return fmt.Errorf("read %s: %w: %w; restore it from a copy, nothing was written", key, ErrDamaged, err)
}

// unknown returns the top-level fields of a document that Record does not have.
func unknown(data []byte) unknownFields {
	all := unknownFields{}
	if json.Unmarshal(data, &all) != nil {
		return nil // it was read before: this cannot be
	}
	t := reflect.TypeFor[Record]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		delete(all, name)
	}
	return all
}

// errTooLarge says that a record is larger than a store keeps.
var errTooLarge = errors.New("it is too large")

// encode returns the record's document: always the same for the same record.
func (r Record) encode() ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	if len(r.rest) > 0 {
		all := unknownFields{}
		if err := json.Unmarshal(data, &all); err != nil {
			return nil, fmt.Errorf("encode record: %w", err)
		}
		for name, value := range r.rest {
			all[name] = value
		}
		if data, err = json.Marshal(all); err != nil {
			return nil, fmt.Errorf("encode record: %w", err)
		}
	}
	if len(data) > lock.MaxDocument {
		return nil, fmt.Errorf("encode record: %w: %d bytes, a store keeps %d", errTooLarge, len(data), lock.MaxDocument)
	}
	return data, nil
}
