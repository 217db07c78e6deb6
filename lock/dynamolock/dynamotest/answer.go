package dynamotest

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// partition returns the key of an item.
func partition(i item) (string, error) {
	key, ok := i["document"].(*types.AttributeValueMemberS)
	if !ok || key.Value == "" {
		return "", Failure(400, "ValidationException", "One or more parameter values were invalid: Missing the key document in the item")
	}
	return key.Value, nil
}

// condition evaluates attribute_not_exists(#name) or #name = :value, and knows no
// other conditions.
func condition(in *dynamodb.PutItemInput, there item) error {
	if in.ConditionExpression == nil {
		return nil
	}
	name, absent := strings.CutPrefix(*in.ConditionExpression, "attribute_not_exists(")
	name, value, equal := strings.Cut(strings.TrimSuffix(name, ")"), " = ")
	attribute, named := in.ExpressionAttributeNames[name]
	want, given := in.ExpressionAttributeValues[value]
	if !named || absent == equal || equal != given {
		return fmt.Errorf("dynamotest: the condition %q is not simulated", *in.ConditionExpression)
	}
	if got, exists := there[attribute]; absent && exists || equal && !reflect.DeepEqual(got, want) {
		return answered(400, &types.ConditionalCheckFailedException{Message: new("The conditional request failed")})
	}
	return nil
}

// known refuses requests with fields that the Table does not know.
func known(operation string, in any) error {
	fields := " TableName Key Item ConsistentRead ConditionExpression ExpressionAttributeNames ExpressionAttributeValues "
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.IsExported() && !v.Field(i).IsZero() && !strings.Contains(fields, " "+f.Name+" ") {
			return fmt.Errorf("dynamotest: %s with %s is not simulated", operation, f.Name)
		}
	}
	return nil
}

// Failure returns the error of a server that answers with a status and a code, such
// as 400 and ThrottlingException, to be used in a Fault.
func Failure(status int, code, message string) error {
	return answered(status, &smithy.GenericAPIError{Code: code, Message: message})
}

// answered is an error as the client returns it: with the answer's status.
func answered(status int, err error) error {
	response := &http.Response{StatusCode: status, Header: http.Header{}}
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: response}, Err: err,
	}}
}
