package console

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"supervisiond/console/oidc"
	"supervisiond/supervision"
)

// Provider is an OpenID Connect provider.
type Provider struct {
	Issuer, ClientID, ClientSecret string
	// Claim is the one whose value is a person's id.
	Claim string
}

func (s *Server) newProvider() *oidc.Provider {
	p := s.options.Provider
	if p == nil {
		return nil
	}
	return oidc.New(oidc.Options{
		Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Claim: p.Claim,
		Log: s.log, Now: s.options.Now, External: external, Done: s.vouchedFor,
	})
}

// startAtProvider sends browsers to the provider. How many may is limited for each address: those under way are bounded, and
// a flood would push honest ones out.
func (s *Server) startAtProvider() http.HandlerFunc {
	starts := newAllowance(s.options.Now, startRate, startBurst)
	return func(w http.ResponseWriter, r *http.Request) {
		if !starts.allows(network(source(r))) {
			tell(w, problem(http.StatusTooManyRequests, codeTooManyRequests, "too many sign-ins; try again").after(time.Second))
			return
		}
		s.provider.Start(w, r)
	}
}

// vouchedFor signs in whom the provider vouches for. The error is for that person.
func (s *Server) vouchedFor(w http.ResponseWriter, r *http.Request, who string) error {
	person := s.options.Directory().Person(supervision.PersonID(who))
	if person == nil {
		s.metrics.signIns.WithLabelValues(signInUnknown).Inc()
		s.log.Warn("the OpenID Connect provider vouches for somebody who is not configured", "claim", who, "from", source(r))
		return errors.New(who)
	}
	if _, err := s.welcome(exchange{r, w}, person.ID, byProvider); err != nil {
		return fmt.Errorf("%w: %w", oidc.ErrNotNow, err)
	}
	return nil
}

// external is how the browser sees this server.
func external(r *http.Request) string {
	if secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
