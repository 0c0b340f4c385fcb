package acceptance

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

var updateOpenAPI = flag.Bool("update-openapi", false, "write docs/openapi.json anew")

const openAPIFile = "../../docs/openapi.json"

// apiDescription is what the daemon says of its API: the same of each, so it is read once.
var apiDescription struct {
	sync.Once
	text      []byte
	validator validator.Validator
	err       error
}

func (b *browser) openAPI(at *url.URL) (text []byte, v validator.Validator) {
	b.t.Helper()
	apiDescription.Do(func() {
		var resp *http.Response
		address := url.URL{Scheme: at.Scheme, Host: at.Host, Path: "/api/v1/openapi.json"}
		if resp, apiDescription.err = b.client.Get(address.String()); apiDescription.err != nil {
			return
		}
		defer resp.Body.Close()
		if apiDescription.text, apiDescription.err = io.ReadAll(resp.Body); apiDescription.err != nil {
			return
		}
		document, err := libopenapi.NewDocument(apiDescription.text)
		if err != nil {
			apiDescription.err = err
			return
		}
		var errs []error
		if apiDescription.validator, errs = validator.NewValidator(document); len(errs) > 0 {
			apiDescription.err = errs[0]
		}
	})
	b.s.must("the description of the API", apiDescription.err)
	return apiDescription.text, apiDescription.validator
}

// asDescribed proves that an answer is one that the description of the API has.
func (b *browser) asDescribed(r *http.Request, resp *http.Response, body []byte) error {
	b.t.Helper()
	_, v := b.openAPI(r.URL)
	seen := *resp
	seen.Body = io.NopCloser(bytes.NewReader(body))
	ok, mistakes := v.ValidateHttpResponse(r, &seen)
	if ok {
		return nil
	}
	var all []string
	for _, m := range mistakes {
		all = append(all, m.Error())
		for _, e := range m.SchemaValidationErrors {
			all = append(all, e.Error())
		}
	}
	return fmt.Errorf("%s %s: %d %s is not as the API is described: %s", r.Method, r.URL.Path, resp.StatusCode, body, strings.Join(all, "; "))
}

// The description is a valid one, docs/ has the same, and each answer that these tests get is held against it (try). What is
// sent as described is taken, and each event of the stream has a place in it.
func TestHTTPIsAsDescribed(t *testing.T) {
	t.Parallel()
	s := newSite(t, withPasswords(t, withCommanders(t, func(yaml string) string { return yaml }), "anna"))
	anna := s.signedIn("anna")
	text, v := anna.openAPI(anna.request(t.Context(), "GET", "", "").URL)
	if ok, mistakes := v.ValidateDocument(); !ok {
		for _, m := range mistakes {
			t.Error(m.Error(), m.SchemaValidationErrors)
		}
	}
	var pretty bytes.Buffer
	s.must("indent", json.Indent(&pretty, text, "", "  "))
	pretty.WriteByte('\n')
	if *updateOpenAPI {
		s.must("write", os.WriteFile(openAPIFile, pretty.Bytes(), 0o644))
	}
	kept, err := os.ReadFile(openAPIFile)
	s.must("the description in docs", err)
	if !bytes.Equal(kept, pretty.Bytes()) {
		t.Error("docs/openapi.json is not what the daemon says; see the difference after: go test ./test/acceptance -run TestHTTPIsAsDescribed -update-openapi")
	}

	for _, x := range []struct{ method, path, body string }{
		{"GET", "/me", ""}, {"GET", "/view", ""}, {"GET", "/history", ""}, {"GET", "/history?since=2026-01-01T00:00:00Z&limit=3", ""},
		{"GET", "/sign-in", ""}, {"POST", "/groups/sales/leave", ""}, {"POST", "/groups/sales/join", ""}, {"POST", "/groups/desk/join", ""},
		{"POST", "/groups/sales/people/ben/force_out", ""}, {"POST", "/groups/sales/people/ben/force_in", ""},
		{"PUT", "/people/ben/forwarding/always", `{"target":"104"}`}, {"PUT", "/people/ben/forwarding/no_answer", `{"target":"104","after_seconds":20}`},
		{"DELETE", "/people/ben/forwarding/always", ""}, {"DELETE", "/people/ben/forwarding", ""}, {"DELETE", "/people/igor/forwarding", ""},
		{"PUT", "/people/anna/dnd", `{"on":true}`}, {"PUT", "/people/anna/dnd", `{"on":false}`}, {"PUT", "/people/ben/dnd", `{"on":false}`},
		{"PUT", "/me/presence", `{"state":"away","source":"calendar","ttl_seconds":60}`}, {"PUT", "/me/presence", `{"state":"no"}`},
		{"POST", "/pickup", ""}, {"POST", "/pickup", `{"person":"ben"}`}, {"POST", "/pickup", `{"persons":"ben"}`}, {"POST", "/calls/c1/pickup", `{}`},
		{"GET", "/history?limit=0", ""}, {"GET", "/history?until=x", ""},
	} {
		anna.do(x.method, x.path, x.body)
	}
	s.stranger().do("GET", "/view", "").is(t, http.StatusUnauthorized, "unauthorized")
}
