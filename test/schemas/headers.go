package schemas

import "gopkg.in/yaml.v3"

// header is one header of a message.
type header struct{ name, pattern, says string }

func headers(required bool, list ...header) *yaml.Node {
	properties, names := mapping(), &yaml.Node{Kind: yaml.SequenceNode}
	for _, h := range list {
		add(properties, h.name, mapping("type", "string", "pattern", h.pattern, "description", h.says))
		names.Content = append(names.Content, node(h.name))
	}
	s := mapping("type", "object", "properties", properties)
	if required {
		add(s, "required", names)
	}
	return s
}

const number = "^[0-9]+$"

func stateHeaders() *yaml.Node {
	return headers(true,
		header{"Nats-Stream", "^KV_SUPERVISION_", "The stream beneath the bucket."},
		header{"Nats-Subject", `^\$KV\.SUPERVISION_`, "The key's subject in the bucket."},
		header{"Nats-Sequence", number, "The bucket's sequence: a step that is not one is a gap. It is the key's revision in the bucket."},
		header{"Nats-Time-Stamp", "^[0-9-]+T[0-9:.]+Z$", "When the server stored it."},
		header{"Nats-Last-Sequence", number, "The sequence of what this key held before; 0: nothing."},
	)
}

func purgeHeaders() *yaml.Node {
	s := stateHeaders()
	for i := 0; i < len(s.Content); i += 2 {
		switch s.Content[i].Value {
		case "properties":
			add(s.Content[i+1], "KV-Operation", mapping("const", "PURGE", "description", "The key is gone."))
			add(s.Content[i+1], "Nats-Rollup", mapping("const", "sub", "description", "What the key held before is gone too."))
			add(s.Content[i+1], "Nats-TTL", mapping("type", "string", "description", "How long the bucket remembers that."))
		case "required":
			s.Content[i+1].Content = append(s.Content[i+1].Content, node("KV-Operation"))
		}
	}
	return s
}

func eventHeaders() *yaml.Node {
	s := headers(true,
		header{"ce-specversion", `^1\.0$`, "CloudEvents 1.0, binary mode."},
		header{"ce-id", "^[0-9]+-[0-9]+$", "Epoch, and a count within it. The same id is the same event."},
		header{"ce-source", "^/supervision/", "/supervision/ and the site."},
		header{"ce-type", `^supervision\.v1\.`, "supervision.v1. and the type."},
		header{"ce-time", moment, "When it happened."},
		header{"ce-subject", ".", "The id of the call, group, person or site."},
		header{"ce-epoch", number, "The life of the daemon."},
		header{"content-type", "^application/json$", "What the body is."},
	)
	for i := 0; i < len(s.Content); i += 2 {
		if s.Content[i].Value == "properties" {
			add(s.Content[i+1], "Nats-Msg-Id", mapping("type", "string", "description", "Of kept events: the ce-id, by which the stream recognises what it has."))
		}
	}
	return s
}

func refusalHeaders() *yaml.Node {
	return headers(true,
		header{"Nats-Service-Error", ".", "The message, in one line."},
		header{"Nats-Service-Error-Code", "^[a-z_]+$", "The code."},
	)
}
