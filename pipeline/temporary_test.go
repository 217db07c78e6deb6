package pipeline

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

type passing struct{ error }

func (passing) Temporary() bool { return true }
func (p passing) Unwrap() error { return p.error }

func TestALimitThatWasReachedIsNoTemporaryError(t *testing.T) {
	late := fmt.Errorf("confirm: %w", errors.Join(context.DeadlineExceeded, errors.New("answers 500")))
	assert.False(t, temporary(late))
	assert.True(t, temporary(fmt.Errorf("throttled: %w", passing{late})), "whoever wraps it may know better")
	assert.False(t, temporary(nil))
}
