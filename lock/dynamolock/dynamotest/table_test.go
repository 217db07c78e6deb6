package dynamotest

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func document(content string) item {
	return item{"document": &types.AttributeValueMemberS{Value: "k"}, "content": &types.AttributeValueMemberS{Value: content}}
}

func TestAReadThatIsNotConsistentReturnsWhatWasThereBefore(t *testing.T) {
	table := &Table{}
	for _, content := range []string{"old", "new"} {
		_, err := table.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new("t"), Item: document(content)})
		require.NoError(t, err)
	}
	for consistent, want := range map[bool]string{true: "new", false: "old"} {
		out, err := table.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new("t"), Key: document(""), ConsistentRead: &consistent})
		require.NoError(t, err)
		assert.Equal(t, document(want), out.Item)
	}
	assert.Equal(t, []string{"PutItem", "PutItem", "GetItem", "GetItem"}, table.Calls())
}

func TestConditions(t *testing.T) {
	table := &Table{}
	put := func(expression string, names map[string]string, values item) error {
		_, err := table.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: new("t"), Item: document("x"), ConditionExpression: &expression,
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		})
		return err
	}
	absent := func() error {
		return put("attribute_not_exists(#a)", map[string]string{"#a": "document"}, nil)
	}
	equal := func(content string) error {
		return put("#a = :v", map[string]string{"#a": "content"}, item{":v": &types.AttributeValueMemberS{Value: content}})
	}
	var failed *types.ConditionalCheckFailedException
	assert.ErrorAs(t, equal("x"), &failed, "there is nothing")
	assert.NoError(t, absent())
	assert.ErrorAs(t, absent(), &failed)
	assert.ErrorAs(t, equal("y"), &failed)
	assert.NoError(t, equal("x"))
	for _, unknown := range []string{"", "content = :v", "#a < :v", "attribute_exists(#a)", "#a = :v OR #a = :v"} {
		err := put(unknown, map[string]string{"#a": "content"}, item{":v": &types.AttributeValueMemberS{Value: "x"}})
		assert.ErrorContains(t, err, "not simulated", unknown)
	}
}

func TestWhatIsNotSimulatedIsRefused(t *testing.T) {
	_, err := (&Table{}).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new("t"), Item: document("x"), ReturnValues: types.ReturnValueAllOld})
	assert.ErrorContains(t, err, "PutItem with ReturnValues is not simulated")
	_, err = (&Table{Name: "t"}).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new("other"), Key: document("")})
	assert.ErrorContains(t, err, "ResourceNotFoundException")
}
