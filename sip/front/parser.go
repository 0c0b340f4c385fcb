package front

import (
	"maps"
	"net/textproto"

	gosip "github.com/emiago/sipgo/sip"
)

// parser is the one that the transaction layer reads with.
var parser = newParser()

// newParser is the library's, and knows the short form of every header that has one: the long name is found in any case.
func newParser() *gosip.Parser {
	headers := maps.Clone(gosip.DefaultHeadersParser())
	for short, long := range full {
		if _, known := headers[short]; known {
			continue
		}
		name := textproto.CanonicalMIMEHeaderKey(long)
		headers[short] = func(_ []byte, value string) (gosip.Header, error) { return gosip.NewHeader(name, value), nil }
	}
	return gosip.NewParser(gosip.WithHeadersParsers(headers))
}

// parses says whether the transaction layer will be able to read a message. A fault of the parser is found here, where it ends
// nothing.
func parses(data []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	_, err := parser.ParseSIP(data)
	return err == nil
}
