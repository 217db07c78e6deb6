package dynamolock

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/muster-deploy/muster/lock"
)

// The attributes of an item. Expressions name them by placeholders, whatever words
// DynamoDB may reserve.
const (
	keyAttribute     = "document" // S, the partition key
	writtenAttribute = "written"  // S, the name of the last write
	writesAttribute  = "writes"   // S, the last writes, newest first, as a version
	bytesAttribute   = "bytes"    // B
)

// document is a document as it lies in its item.
type document struct {
	key    string
	writes writes
	data   []byte
}

type item = map[string]types.AttributeValue

// partition returns the attribute that names a document.
func partition(key string) item {
	return item{keyAttribute: &types.AttributeValueMemberS{Value: key}}
}

// encode returns the item.
func (d document) encode() item {
	i := partition(d.key)
	i[writtenAttribute] = &types.AttributeValueMemberS{Value: d.writes[0]}
	i[writesAttribute] = &types.AttributeValueMemberS{Value: string(d.writes.name())}
	i[bytesAttribute] = &types.AttributeValueMemberB{Value: append([]byte{}, d.data...)}
	return i
}

// parse reads an item. An item that somebody else has put is damaged.
func parse(i item, key string) (document, error) {
	named, _ := i[keyAttribute].(*types.AttributeValueMemberS)
	written, _ := i[writtenAttribute].(*types.AttributeValueMemberS)
	all, _ := i[writesAttribute].(*types.AttributeValueMemberS)
	data, _ := i[bytesAttribute].(*types.AttributeValueMemberB)
	if named == nil || written == nil || all == nil || data == nil || named.Value != key {
		return document{}, fmt.Errorf("%w: its item is none of this package's", lock.ErrDamaged)
	}
	w, ok := parseVersion(lock.Version(all.Value))
	if !ok || len(w) == 0 || w[0] != written.Value {
		return document{}, fmt.Errorf("%w: its item names the writes %.400q, the last one %.40q", lock.ErrDamaged, all.Value, written.Value)
	}
	if err := lock.Check(key, data.Value); err != nil {
		return document{}, fmt.Errorf("%w: %w", lock.ErrDamaged, err)
	}
	return document{key, w, append([]byte{}, data.Value...)}, nil
}
