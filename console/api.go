package console

import (
	"context"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"supervisiond/supervision"
)

const (
	// apiRoot begins the paths of the API.
	apiRoot = "/api/v1"
	// maxURL is how long a path and query may be, in bytes: a provider's codes are long.
	maxURL = 8 << 10
)

func init() {
	// The library takes it as a variable: whatever it finds wrong by itself is told as everything else is.
	huma.NewError = asProblem
	// Names are matched to the letter, as on NATS.
	huma.ValidateStrictCasing = true
}

// Security schemes, as OpenAPI names them.
var signedIn = []map[string][]string{{"session": {}}, {"bearer": {}}}

// newAPI makes the API on a router.
func (s *Server) newAPI(router chi.Router) huma.API {
	registry := newRegistry()
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "supervisiond", Version: "1.0.0",
				Description: "Call supervision for Asterisk: what one person may see, and what they may do. Errors are problem documents (RFC 9457) with a code.",
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "From POST /api/v1/session."},
					"bearer": {
						Type: "http", Scheme: "bearer",
						Description: "A token of http.tokens. One that acts as several people needs the header " + actAs + ".",
					},
				},
			},
		},
		Formats: map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}, DefaultFormat: "application/json",
		RejectUnknownQueryParameters: true,
	}
	api := humachi.New(router, c)
	api.UseMiddleware(s.admit, read)
	return api
}

// admit lets in who may use an operation that is not for everybody.
func (s *Server) admit(hc huma.Context, next func(huma.Context)) {
	if len(hc.Operation().Security) == 0 {
		next(hc)
		return
	}
	r, w := humachi.Unwrap(hc)
	id, err := s.authenticate(r)
	if err != nil {
		tell(w, asTold(err))
		return
	}
	next(huma.WithValue(huma.WithValue(hc, identityKey{}, id), controllerKey{}, http.NewResponseController(w)))
}

// asTold makes a problem of any error.
func asTold(err error) *Problem {
	if p, ok := err.(*Problem); ok { //nolint:errorlint // whoever makes one passes it on as it is
		return p
	}
	return problem(http.StatusInternalServerError, supervision.Unavailable, "the daemon has made a mistake; its log says more")
}

// operation is one of the API's, with what all have in common.
func operation(method, path, id, summary, description string, problems ...int) huma.Operation {
	if method == http.MethodPost || method == http.MethodPut {
		problems = append(problems, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	return huma.Operation{
		Method: method, Path: apiRoot + path, OperationID: id, Summary: summary, Description: description,
		MaxBodyBytes: -1, BodyReadTimeout: -1, Security: signedIn, // the body has been read by then
		Errors: append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusTooManyRequests}, problems...),
	}
}

// waits says of a path whether it takes as long as people do.
func waits(path string) bool {
	return strings.HasPrefix(path, apiRoot) && (strings.HasSuffix(path, "/pickup") || strings.HasSuffix(path, "/stream"))
}

// guard is what stands before everything: headers, limits and the origin of requests.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tell(w, problem(http.StatusForbidden, codeCrossOrigin, "a page of another site may not do this"))
	}))
	next = origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Cache-Control", "no-store")
		if secure(r) {
			header.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer s.recovered(w, r)
		if len(r.RequestURI) > maxURL {
			tell(w, problem(http.StatusRequestURITooLong, supervision.Invalid, "the address is too long"))
			return
		}
		if clean, err := url.PathUnescape(r.URL.EscapedPath()); err != nil || strings.ContainsAny(clean, "\x00\r\n") {
			tell(w, problem(http.StatusUnprocessableEntity, supervision.Invalid, "the path has characters that no path has"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recovered keeps a mistake in one request from being everybody's.
func (s *Server) recovered(w http.ResponseWriter, r *http.Request) {
	err := recover()
	if err == nil {
		return
	}
	if err == http.ErrAbortHandler { //nolint:errorlint // as the library documents it
		panic(err) //nolint:forbidigo // it cuts the connection, and is no mistake
	}
	s.log.Error("a request failed; please report this", "method", r.Method, "path", r.URL.Path, "error", err, "stack", string(debug.Stack()))
	if seen, ok := w.(middleware.WrapResponseWriter); ok && seen.Status() != 0 {
		panic(http.ErrAbortHandler) //nolint:forbidigo // half an answer must not look like a whole one
	}
	tell(w, asTold(context.Canceled))
}
