// Package message holds the bodies of what the daemon sends on NATS besides the state: events, answers, and what a person
// sees. The JSON Schemas in docs/schemas are made from these types and from the documents of package supervision: what
// stands in doc, enum and format is what they say. It is pure.
package message

import "supervisiond/supervision"

// Event is the body of an event.
type Event struct {
	Document any                  `json:"document" doc:"how it is after the change"`
	Before   any                  `json:"before,omitempty" doc:"how it was before the change"`
	Person   supervision.PersonID `json:"person,omitempty" doc:"id of the person whom it concerns"`
	By       *supervision.By      `json:"by,omitempty" doc:"who did it"`
	Forced   bool                 `json:"forced,omitempty" doc:"a login or logout by force; otherwise absent"`
}

// Done answers a command that was carried out.
type Done struct {
	OK      bool `json:"ok" enum:"true" doc:"it was done"`
	Changed bool `json:"changed" doc:"false: it was so already"`
	View    any  `json:"view,omitempty" doc:"all that the actor may see; of view.get alone"`
}

// Taken answers a pickup that succeeded.
type Taken struct {
	OK      bool `json:"ok" enum:"true" doc:"it was done"`
	Changed bool `json:"changed" doc:"true"`
	*supervision.Taken
}

// History answers history.get.
type History struct {
	OK      bool                       `json:"ok" enum:"true" doc:"it was done"`
	Changed bool                       `json:"changed" doc:"always false"`
	Events  []supervision.HistoryEvent `json:"events" doc:"the newest first"`
	More    bool                       `json:"more" doc:"there is or may be more"`
	Next    string                     `json:"next" pattern:"^([1-9][0-9]{0,18})?$" doc:"what to ask with as before for what is older; empty: there is nothing older"`
}

// Refused answers a command that was not carried out.
type Refused struct {
	OK      bool              `json:"ok" enum:"false" doc:"it was not done"`
	Code    supervision.Code  `json:"code" doc:"why; also in the header Nats-Service-Error-Code"`
	Message string            `json:"message" doc:"the same for people to read, in English; also in the header Nats-Service-Error"`
	Details map[string]string `json:"details" doc:"what belongs to the code: by and by_name (already_taken: who has the call), lock (last_member: person or role), reason (of forwards: what is wrong with it), unknown (true: it may have been done nevertheless); may be empty"`
}

// View is one message that tells what a person sees.
type View struct {
	ID    string `json:"id" pattern:"^[0-9]+:[0-9]+$" doc:"the epoch, and a number that goes up by one for each message to this person in an epoch: a step that is not one is a gap, and view.get gives all there is to see"`
	Event string `json:"event" doc:"what data is"`
	Data  any    `json:"data" doc:"the document as it is now"`
}

// Gone says that something is not there any more, or not for this person.
type Gone struct {
	ID string `json:"id" doc:"of what is gone"`
}
