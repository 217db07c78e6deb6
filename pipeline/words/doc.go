// Package words is how the tools around a pipeline speak: the sentences for a hold, a
// unit, a target or an event, and the short forms of times and numbers. The command
// line and the dashboard both say them, so that who reads one at night and the other
// by day reads the same.
//
// Text of other people (subjects, reasons, what a build prints) is cleaned of all that
// a terminal would act upon, and of characters that hide or turn what stands around
// them. It is not escaped for HTML: html/template does that.
package words
