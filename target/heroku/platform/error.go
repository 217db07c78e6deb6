package platform

import "fmt"

// Error is a refusal by Heroku. It says what to do about it.
type Error struct {
	Status  int    // of HTTP
	ID      string // Heroku's word, such as "not_found"; empty if it said none
	Message string // Heroku's sentence, without the token
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (Heroku says %d %s: %.300q)", e.advice(), e.Status, e.ID, e.Message)
}

// Temporary says whether the same request may succeed later.
func (e *Error) Temporary() bool { return e.Status == 429 || e.Status >= 500 }

func (e *Error) advice() string {
	switch {
	case e.Status == 401:
		return "the token is wrong, revoked or expired: make another with heroku authorizations:create"
	case e.Status == 402:
		return "the account has to be paid for before anything is deployed"
	case e.ID == "suspended":
		return "the app or its account is suspended: ask Heroku's support to lift that"
	case e.Status == 403:
		return "the token's account may not do this: give it the right to deploy, with heroku access:add"
	case e.Status == 404:
		return "there is none, or the token's account does not see it: check the name, and heroku access"
	case e.Status == 422:
		return "Heroku takes the request for invalid: its sentence says what to change"
	case e.Status == 429:
		return "the account has used up its requests of this hour: wait, or give the deployer an account of its own"
	case e.Status >= 500:
		return "Heroku is in trouble: see https://status.heroku.com"
	}
	return "Heroku refused"
}
