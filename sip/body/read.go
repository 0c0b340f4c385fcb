package body

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The bounds of a document from outside. The largest that a softphone was seen to send has 2 kB and 30 elements; beyond
// them the document is refused.
const (
	maxDocument = 16384
	maxElements = 256
	maxDepth    = 16
)

// element is an element of a document that was read. Attributes other than entity are of no use here.
type element struct {
	name   xml.Name
	entity string
	text   string
	kids   []*element
}

// child finds the first child by its name, in whatever namespace.
func (e *element) child(local string) *element {
	for _, k := range e.kids {
		if k.name.Local == local {
			return k
		}
	}
	return nil
}

// childText is the text of the first child of a name, or nothing.
func (e *element) childText(local string) string {
	if k := e.child(local); k != nil {
		return k.text
	}
	return ""
}

// readXML reads a document up to the end of its root. What comes after it is not looked at: phones send line ends and
// worse there.
func readXML(document []byte) (*element, error) {
	document, err := utf8Document(document)
	if err != nil {
		return nil, err
	}
	d := xml.NewDecoder(bytes.NewReader(document))
	var open []*element
	for count := 0; ; {
		token, err := d.Token()
		if err != nil {
			return nil, errors.New("not a document of XML: " + cut(err.Error()))
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("a document type is not allowed")
		case xml.StartElement:
			if count++; count > maxElements || len(open) == maxDepth {
				return nil, fmt.Errorf("more than %d elements, or more than %d in one another", maxElements, maxDepth)
			}
			e := &element{name: t.Name, entity: entityOf(t.Attr)}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.kids = append(parent.kids, e)
			}
			open = append(open, e)
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(t)
			}
		case xml.EndElement:
			last := open[len(open)-1]
			last.text = strings.TrimSpace(last.text)
			if open = open[:len(open)-1]; len(open) == 0 {
				return last, nil
			}
		}
	}
}

func entityOf(attrs []xml.Attr) string {
	for _, a := range attrs {
		if a.Name.Space == "" && a.Name.Local == "entity" {
			return a.Value
		}
	}
	return ""
}

// utf8Document takes the declaration off a document and makes it UTF-8. Phones declare ISO-8859-1, as the documents that
// they were modelled on did, and send UTF-8 all the same: what is UTF-8 stays.
func utf8Document(document []byte) ([]byte, error) {
	if len(document) > maxDocument {
		return nil, fmt.Errorf("longer than %d bytes", maxDocument)
	}
	document = bytes.TrimPrefix(document, []byte("\uFEFF"))
	document = bytes.TrimLeft(document, " \t\r\n")
	encoding := ""
	if rest, declared := bytes.CutPrefix(document, []byte("<?xml ")); declared {
		declaration, body, ended := bytes.Cut(rest, []byte("?>"))
		if !ended {
			return nil, errors.New("not a document of XML: its declaration does not end")
		}
		document, encoding = body, declaredEncoding(string(declaration))
	}
	switch encoding {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		return document, nil
	case "iso-8859-1", "latin1", "windows-1252":
		if utf8.Valid(document) {
			return document, nil
		}
		latin := make([]rune, 0, len(document))
		for _, c := range document {
			latin = append(latin, rune(c))
		}
		return []byte(string(latin)), nil
	}
	return nil, fmt.Errorf("its encoding %q is not read here, but UTF-8 and ISO-8859-1 are", cut(encoding))
}

// declaredEncoding finds the encoding in a declaration, in lower case.
func declaredEncoding(declaration string) string {
	_, after, found := strings.Cut(declaration, "encoding")
	after = strings.TrimLeft(after, " =")
	if !found || len(after) < 2 || after[0] != '"' && after[0] != '\'' {
		return ""
	}
	value, _, _ := strings.Cut(after[1:], after[:1])
	return strings.ToLower(value)
}
