package runcommand_test

import "github.com/aws/aws-sdk-go-v2/service/ssm/types"

// invalid is SSM's refusal without a name in it.
func invalid() error { return &types.InvalidInstanceId{Message: new("not in a valid state")} }
