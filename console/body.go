package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"supervisiond/supervision"
)

const (
	// maxBody is how long the body of a request may be, in bytes.
	maxBody = 16 << 10
	// bodyTime is how long a body may take to come.
	bodyTime = 5 * time.Second
	// maxDepth is how deep a body's lists and objects may lie in each other. Nothing that is asked for needs more than 2.
	maxDepth = 16
	// takesNulls is in the metadata of an operation whose body a browser writes by itself, with null for what is not there.
	takesNulls = "nulls"
)

// read takes in the whole body before anything is made of it, as strictly as on NATS. Whoever has sent more than was read loses
// the connection with the answer: what is left could be endless.
func read(hc huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(hc)
	data, p := readWhole(r, http.NewResponseController(w))
	if p != nil {
		if r.ProtoMajor == 1 { // in HTTP/2 only the request ends, and the page's stream goes on
			w.Header().Set("Connection", "close")
		}
		tell(w, p)
		return
	}
	_, nulls := hc.Operation().Metadata[takesNulls]
	if p = checkBody(r.Header, data, nulls); p != nil {
		tell(w, p)
		return
	}
	if len(data) > 0 {
		r.Header.Set("Content-Type", "application/json") // as the library knows it
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	next(hc)
}

// readWhole reads a body, without the space around it.
func readWhole(r *http.Request, c *http.ResponseController) ([]byte, *Problem) {
	if r.ContentLength > maxBody {
		return nil, tooLong()
	}
	// What does not know deadlines has none. It stays where the body is not whole: net/http reads on before it closes.
	_ = c.SetReadDeadline(time.Now().Add(bodyTime))
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	var late net.Error
	switch {
	case errors.As(err, &late) && late.Timeout():
		return nil, problem(http.StatusRequestTimeout, supervision.Invalid, "the body did not come in time")
	case err != nil:
		return nil, wrongBody("it breaks off, or is not sent as HTTP has it")
	case len(data) > maxBody:
		return nil, tooLong()
	}
	_ = c.SetReadDeadline(time.Time{}) // commands may wait for people
	return bytes.TrimSpace(data), nil
}

// checkBody says what is wrong with a body. None at all is right where none is needed.
func checkBody(h http.Header, data []byte, nulls bool) *Problem {
	if len(data) == 0 {
		return nil
	}
	if p := checkMedia(h); p != nil {
		return p
	}
	if err := wellFormed(data, nulls); err != nil {
		return wrongBody(err.Error())
	}
	return nil
}

func tooLong() *Problem {
	return problem(http.StatusRequestEntityTooLarge, supervision.Invalid, fmt.Sprintf("the body is longer than %d bytes", maxBody))
}

func wrongBody(why string) *Problem {
	p := problem(http.StatusUnprocessableEntity, supervision.Invalid, "body: "+why)
	p.Errors = []ProblemPlace{{Location: "body", Message: why}}
	return p
}

// checkMedia takes JSON in UTF-8 as it is, and nothing else: in particular nothing that a form of another site can send.
func checkMedia(h http.Header) *Problem {
	kind, parameters, err := mime.ParseMediaType(strings.Join(h.Values("Content-Type"), ", "))
	charset, named := parameters["charset"]
	if err != nil || kind != "application/json" || named && !strings.EqualFold(charset, "utf-8") {
		return problem(http.StatusUnsupportedMediaType, supervision.Invalid, "the body must be application/json, in UTF-8")
	}
	if h.Get("Content-Encoding") != "" {
		return problem(http.StatusUnsupportedMediaType, supervision.Invalid, "the body must not be compressed")
	}
	return nil
}

// wellFormed says what is wrong with JSON that a decoder would make something of all the same.
func wellFormed(data []byte, nulls bool) error {
	if !utf8.Valid(data) {
		return errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := oneValue(d, 0, nulls); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON")
	}
	return nil
}

func oneValue(d *json.Decoder, depth int, nulls bool) error {
	token, err := d.Token()
	if err != nil {
		return errNotJSON
	}
	if token == nil && (!nulls || depth == 0) {
		return errors.New("it has a null: leave out what is not there")
	}
	start, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return errors.New("it is nested too deeply")
	}
	seen := make(map[string]bool)
	for d.More() {
		if start == '{' {
			token, err := d.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				return errNotJSON
			}
			if seen[name] {
				return errors.New("a field is given twice")
			}
			seen[name] = true
		}
		if err := oneValue(d, depth+1, nulls); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errNotJSON
	}
	return nil
}

var errNotJSON = errors.New("it is not JSON")
