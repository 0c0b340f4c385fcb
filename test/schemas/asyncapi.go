package schemas

import (
	"bytes"
	"fmt"

	"gopkg.in/yaml.v3"

	"supervisiond/bus/subject"
)

// AsyncAPI is the document that tells which messages are on which subjects.
func AsyncAPI() ([]byte, error) {
	d := description{channels: mapping(), operations: mapping(), messages: mapping()}
	d.state()
	d.events()
	d.views()
	d.commands()
	document := mapping(
		"asyncapi", "3.0.0",
		"info", mapping(
			"title", "supervisiond on NATS",
			"version", "1",
			"description", "State, events and commands of one site. docs/nats.md explains them. Fields may be added to what is sent: ignore what you do not know. Bodies of commands are read strictly. "+
				"The buckets and streams: "+subject.StateBucket("<site>")+" holds the state and republishes it; "+subject.EventStream("<site>")+" keeps events; "+
				subject.LoginsBucket("<site>")+" is the daemon's own.",
		),
		"defaultContentType", "application/json",
		"servers", mapping("nats", mapping(
			"host", "127.0.0.1:4222", "protocol", "nats",
			"description", "The embedded server (nats.embedded.listen), or an external one (nats.url), nats-server 2.11 or newer.",
		)),
		"channels", d.channels,
		"operations", d.operations,
		"components", mapping("messages", d.messages, "schemas", mapping(
			"stateHeaders", stateHeaders(), "purgeHeaders", purgeHeaders(),
			"eventHeaders", eventHeaders(), "refusalHeaders", refusalHeaders(),
		)),
	)
	var b bytes.Buffer
	b.WriteString("# Made by: go test ./test/schemas -update\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(document); err != nil {
		return nil, fmt.Errorf("writing the AsyncAPI document: %w", err)
	}
	return b.Bytes(), e.Close()
}

// description is a document in the making.
type description struct {
	channels, operations, messages *yaml.Node
}

// message adds a message and gives a reference to it. Payload empty: it has no body.
func (d *description) message(name, says, payload, headers string) *yaml.Node {
	m := mapping("summary", says)
	if headers != "" {
		add(m, "headers", ref("#/components/schemas/"+headers))
	}
	if payload != "" {
		add(m, "payload", ref("schemas/"+payload))
	}
	add(d.messages, name, m)
	return ref("#/components/messages/" + name)
}

func (d *description) channel(name, address, says string, parameters, messages *yaml.Node) {
	c := mapping("address", address, "description", says, "messages", messages)
	add(c, "parameters", parameters)
	add(d.channels, name, c)
}

// sends is an operation of the daemon's.
func (d *description) sends(name, says string) {
	add(d.operations, "send."+name, mapping("action", "send", "channel", ref("#/channels/"+name), "summary", says))
}

func (d *description) state() {
	purged := d.message("purged", "The key is purged: there is no body.", "", "purgeHeaders")
	for _, s := range []struct{ kind, says string }{
		{"site", "the site itself; rewritten every 5 seconds, and after alive_until everything else is unknown"},
		{"person", "a person"},
		{"group", "a group"},
		{"call", "a call that rings, and for 3 seconds how it ended"},
	} {
		name, address, parameters := "state."+s.kind, subject.State("{site}")+s.kind, site()
		messages := mapping("document", d.message(name, "How it is now: "+s.says+".", s.kind+".json", "stateHeaders"))
		if s.kind != "site" {
			address += ".{id}"
			add(parameters, "id", mapping("description", "The "+s.kind+"'s id."))
			add(messages, "purged", purged)
		}
		d.channel(name, address, "What the state bucket republishes: "+s.says+".", parameters, messages)
		d.sends(name, "Tells how it is, at each change.")
	}
}

func (d *description) events() {
	for _, e := range events {
		name, parameters := "event."+string(e.kind), site()
		address := subject.Event("{site}") + string(e.kind) + ".{id}"
		add(parameters, "id", mapping("description", "The "+e.entity+"'s id."))
		says := e.tells
		if e.kept() {
			says += " Kept in the history."
		}
		d.channel(name, address, says, parameters, mapping("event", d.message(name, e.tells, name+".json", "eventHeaders")))
		d.sends(name, e.tells)
	}
}

func (d *description) views() {
	parameters := site()
	add(parameters, "person", mapping("description", "The id of the person whose view it is."))
	d.channel("view", subject.View("{site}", "{person}"), "What a person may see, as it changes, for that person's programs.", parameters,
		mapping("shown", d.message("view", "Something that the person sees.", "view-message.json", "")))
	d.sends("view", "Tells a person's programs what that person may see.")
}

func (d *description) commands() {
	refused := d.message("refused", "It was not done.", "reply.refusal.json", "refusalHeaders")
	for _, c := range commands {
		parameters := site()
		add(parameters, "actor", mapping("description", "The id of the person who asks."))
		name := "cmd." + c.verb
		d.channel(name, subject.Command("{site}")+"{actor}."+c.verb, "Asks the daemon: "+c.does+".", parameters,
			mapping("request", d.message(name, "The request; no body at all stands for {}.", "command."+c.verb+".json", "")))
		answer := "answer." + c.verb
		add(d.channels, answer, mapping(
			"address", nil,
			"description", "The inbox that the request names as its reply subject.",
			"messages", mapping("done", d.message(answer, "It was done.", c.reply, ""), "refused", refused),
		))
		add(d.operations, "receive."+name, mapping(
			"action", "receive", "channel", ref("#/channels/"+name), "summary", "The micro service supervision: "+c.does+".",
			"bindings", mapping("nats", mapping("queue", "q")),
			"reply", mapping("channel", ref("#/channels/"+answer)),
		))
	}
}

func site() *yaml.Node {
	return mapping("site", mapping("description", "The site's name, as configured."))
}
