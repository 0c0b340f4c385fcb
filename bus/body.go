package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"supervisiond/supervision"
)

// maxBody is how long a command's body may be. The longest that makes sense is some hundred bytes.
const maxBody = 16 << 10

// body reads a command's body: a JSON object with the fields that are asked for and no others, each given once and of
// its type. The first thing that is wrong is what is said; the fields' names are matched to the letter, which
// encoding/json does not.
type body struct {
	fields map[string]json.RawMessage
	err    error
}

// readBody takes the object apart. Nothing at all stands for an object without fields.
func readBody(data []byte) *body {
	b := &body{fields: make(map[string]json.RawMessage)}
	if len(data) > maxBody {
		b.fail("the body has %d bytes; %d are the most", len(data), maxBody)
		return b
	}
	if len(bytes.TrimSpace(data)) > 0 {
		b.err = b.split(json.NewDecoder(bytes.NewReader(data)))
	}
	return b
}

func (b *body) split(d *json.Decoder) error {
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return errors.New("the body is not a JSON object")
	}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return notJSON(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return fmt.Errorf("field %s: %w", quote(name), notJSON(err))
		}
		if _, twice := b.fields[name]; twice {
			return fmt.Errorf("field %s is given twice", quote(name))
		}
		b.fields[name] = value
	}
	if _, err := d.Token(); err != nil {
		return notJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

func notJSON(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON ends too early")
	case err == nil:
		return errors.New("the body is not JSON")
	}
	return fmt.Errorf("the body is not JSON: %w", err)
}

// quote keeps what is repeated to the sender short.
func quote(name string) string {
	if len(name) > 64 {
		name = name[:64] + "…"
	}
	return strconv.Quote(name)
}

func (b *body) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

// take returns a field and says whether it is there; one that must be is missed.
func (b *body) take(name string, required bool) (json.RawMessage, bool) {
	value, ok := b.fields[name]
	delete(b.fields, name)
	if !ok && required {
		b.fail("field %q is missing", name)
	}
	return value, ok
}

// into decodes a field. Null is of no type.
func (b *body) into(name string, required bool, what string, target any) bool {
	value, ok := b.take(name, required)
	if !ok {
		return false
	}
	if bytes.Equal(value, []byte("null")) || json.Unmarshal(value, target) != nil {
		b.fail("field %q must be %s", name, what)
		return false
	}
	return true
}

// text is a string that is not empty.
func (b *body) text(name string, required bool) string {
	var s string
	if b.into(name, required, "a string", &s) && s == "" {
		b.fail("field %q is empty", name)
	}
	return s
}

// oneOf is a string of a set. Missing where it may be: empty.
func oneOf[T ~string](b *body, name string, required bool, set ...T) T {
	s := T(b.text(name, required))
	if s != "" && !slices.Contains(set, s) {
		b.fail("field %q must be one of %q", name, set)
	}
	return s
}

func (b *body) flag(name string) bool {
	var on bool
	b.into(name, true, "true or false", &on)
	return on
}

// number is a whole number, which may be missing.
func (b *body) number(name string, least, most, missing int) int {
	what := fmt.Sprintf("a whole number from %d to %d", least, most)
	var n float64
	if !b.into(name, false, what, &n) {
		return missing
	}
	if n != math.Trunc(n) || n < float64(least) || n > float64(most) {
		b.fail("field %q must be %s", name, what)
		return missing
	}
	return int(n)
}

// moment is a time, which may be missing.
func (b *body) moment(name string) time.Time {
	s := b.text(name, false)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		b.fail("field %q must be a time as in 2026-03-01T12:00:00Z", name)
	}
	return t
}

// refusal says what is wrong, also with what nobody has asked for.
func (b *body) refusal() *supervision.Refusal {
	if left := slices.Sorted(maps.Keys(b.fields)); len(left) > 0 {
		b.fail("there is no field %s", quote(left[0]))
	}
	if b.err == nil {
		return nil
	}
	return &supervision.Refusal{Code: supervision.Invalid, Message: b.err.Error()}
}
