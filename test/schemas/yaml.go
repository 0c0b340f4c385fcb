package schemas

import "gopkg.in/yaml.v3"

// mapping makes a mapping whose keys keep their order.
func mapping(pairs ...any) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(pairs); i += 2 {
		add(m, pairs[i].(string), pairs[i+1])
	}
	return m
}

func add(m *yaml.Node, key string, value any) {
	m.Content = append(m.Content, node(key), node(value))
}

func node(v any) *yaml.Node {
	if n, ok := v.(*yaml.Node); ok {
		return n
	}
	n := new(yaml.Node)
	if err := n.Encode(v); err != nil {
		n.SetString(err.Error())
	}
	return n
}

func ref(to string) *yaml.Node { return mapping("$ref", to) }
