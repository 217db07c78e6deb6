package dashboard_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/dashboard"
)

// Who may no longer read is shut out of what is open already, too: of all pipelines'
// page and of one's.
func TestAStreamEndsWhenItsReaderMayNoLongerRead(t *testing.T) {
	for _, path := range []string{"/events", "/p/web/events"} {
		synctest.Test(t, func(t *testing.T) {
			var dismissed atomic.Bool
			board, err := dashboard.New(dashboard.Config{
				Pipelines: []pipeline.Pipeline{fake("web")},
				Authorize: func(*http.Request, dashboard.Access) (dashboard.User, error) {
					if dismissed.Load() {
						return dashboard.User{}, errors.New("ann has left")
					}
					return dashboard.User{Name: "ann"}, nil
				},
			})
			require.NoError(t, err)
			defer board.Close()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				board.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			}()
			open := func() bool {
				synctest.Wait()
				select {
				case <-ended:
					return false
				default:
					return true
				}
			}
			time.Sleep(time.Hour)
			require.True(t, open(), "%s ends by itself", path)
			dismissed.Store(true)
			time.Sleep(6 * time.Minute)
			require.False(t, open(), "%s goes on for somebody who may not read it", path)
		})
	}
}
