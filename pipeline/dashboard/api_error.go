package dashboard

import (
	"errors"
	"net/http"

	"github.com/muster-deploy/muster/pipeline"
)

// apiError is the API's form of an error.
type apiError struct {
	Error   string            `json:"error"`
	Code    string            `json:"code,omitempty"`
	ID      string            `json:"id,omitempty"` // of the request
	Refusal *pipeline.Refusal `json:"refusal,omitempty"`
}

// errNoEngine says that only an engine could answer.
var errNoEngine = errors.New("this needs the deployer itself: the dashboard only reaches the store of this pipeline")

// codes are the errors that a Client returns as themselves.
var codes = []struct {
	code   string
	status int
	err    error
}{
	{"no pipeline", http.StatusNotFound, pipeline.ErrNoPipeline},
	{"no deploy", http.StatusNotFound, pipeline.ErrNoDeploy},
	{"no engine", http.StatusNotImplemented, errNoEngine},
}

// codeOf is the HTTP status of an error.
func codeOf(err error) int {
	var refusal *pipeline.Refusal
	if errors.As(err, &refusal) {
		if refusal.Code == pipeline.Invalid {
			return http.StatusUnprocessableEntity
		}
		return http.StatusConflict
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.status
		}
	}
	return http.StatusBadGateway
}

// writeFailure answers with an error of a pipeline.
func writeFailure(w http.ResponseWriter, id string, err error) {
	e := apiError{Error: err.Error(), ID: id}
	errors.As(err, &e.Refusal)
	for _, c := range codes {
		if errors.Is(err, c.err) {
			e.Code = c.code
		}
	}
	writeError(w, codeOf(err), e)
}

func writeError(w http.ResponseWriter, status int, e apiError) { writeJSON(w, status, e) }

// remoteError is an error that a dashboard has sent. It is what it stands for, too.
type remoteError struct {
	text string
	is   error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }

// failure returns the error that was sent.
func (e apiError) failure() error {
	if e.Refusal != nil {
		return e.Refusal
	}
	for _, c := range codes {
		if e.Code == c.code {
			return &remoteError{text: e.Error, is: c.err}
		}
	}
	return errors.New(e.Error)
}
