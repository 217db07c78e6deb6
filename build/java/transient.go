package java

// transient are the words of Maven, Gradle and their wrappers for a network that
// failed, or a server that may answer the next time. After "): " stands the cause of
// a transfer that failed, with which Maven and Gradle end their errors: an app's own
// output seldom looks like that.
var transient = []string{
	"): connection reset", "): connection timed out", "): connect timed out", "): read timed out", "): connect to ",
	"): network is unreachable", "): no route to host", "): unknown host", "): premature end of",
	"): remote host terminated the handshake", "): connection refused",
	"failed: connection refused", "failed: connection timed out", "failed: connect timed out", "failed: no route to host",
	"temporary failure in name resolution", "name or service not known", "unknownhostexception",
	"could not resolve host", "unable to resolve host address", "sockettimeoutexception",
	"status: 429", "status: 500", "status: 502", "status: 503", "status: 504",
	"status code: 429", "status code: 500", "status code: 502", "status code: 503", "status code: 504",
	"received status code 429", "received status code 500", "received status code 502",
	"received status code 503", "received status code 504",
	"http response code: 429", "http response code: 502", "http response code: 503", "http response code: 504",
}
