package oidc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Diagnose finds out whether the provider is there and is the one that the issuer names. Its error is a *Problem.
func Diagnose(ctx context.Context, issuer string) error {
	client := newClient()
	defer client.CloseIdleConnections()
	_, err := discover(ctx, client, Options{Issuer: issuer})
	return err
}

// discoveryProblem says why the provider's description of itself was not to be had, or is not to be used.
func discoveryProblem(issuer string, err error) *Problem {
	var (
		mismatch  *oidc.IssuerMismatchError
		resolving *net.DNSError
		untrusted *tls.CertificateVerificationError
		asked     *url.Error
		plain     *plainError
	)
	document := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	what := "the OpenID Connect provider at " + issuer
	switch {
	case errors.As(err, &mismatch):
		return &Problem{
			What: fmt.Sprintf("%s says that its name is %s", what, short(mismatch.Discovered)),
			Mend: "write as http.oidc.issuer exactly what the provider calls itself, to the last slash; if that is another host, the provider has to be told its public address",
		}
	case errors.As(err, &plain):
		return &Problem{
			What: what + " is used with TLS, and names endpoints without it: " + short(plain.endpoint),
			Mend: "if the provider is behind a proxy, tell it its public address, or let the proxy send X-Forwarded-Proto",
		}
	case errors.As(err, &resolving):
		return &Problem{What: what + " is not found: " + resolving.Err, Mend: "correct the host in http.oidc.issuer, or the name service of this machine"}
	case errors.As(err, &untrusted):
		return &Problem{
			What: what + " has a certificate that is not trusted here: " + short(untrusted.Err.Error()),
			Mend: "give the provider a certificate for its name, or this machine the authority that signed it (update-ca-certificates)",
		}
	case errors.Is(err, errRedirect):
		return &Problem{What: what + " cannot be used: " + errRedirect.Error(), Mend: "write the address that it redirects to as http.oidc.issuer: curl -i " + document}
	case errors.As(err, &asked):
		return &Problem{
			What: what + " does not answer: " + short(asked.Err.Error()),
			Mend: "see whether it runs, and whether a firewall or a proxy is in between: curl " + document,
		}
	}
	return &Problem{
		What: what + " gives no description of itself: " + short(err.Error()),
		Mend: "the issuer is the address below which /.well-known/openid-configuration is; look at it: curl " + document,
	}
}

// tokenProblem says why the provider did not vouch for somebody.
func tokenProblem(issuer string, err error) *Problem {
	var (
		refused *oauth2.RetrieveError
		asked   *url.Error
		what    = "the OpenID Connect provider at " + issuer
	)
	switch {
	case errors.As(err, &refused): // has the whole answer in it
		return refusedProblem(what, refused)
	case errors.As(err, &asked):
		return &Problem{What: what + " does not answer: " + short(asked.Err.Error()), Mend: "see whether it runs, and whether a firewall or a proxy is in between"}
	case isUnreachable(err):
		return &Problem{What: what + " does not answer in time", Mend: "see whether it runs, and whether a firewall or a proxy is in between"}
	}
	return &Problem{
		What:    what + " gave an answer that does not count: " + short(err.Error()),
		Mend:    "see whether the clocks of both machines agree, the provider signs with a key pair, and http.oidc.issuer and client_id are its own; otherwise somebody may be trying to get in",
		invalid: true,
	}
}

// refusedProblem says why a code was not taken. An answer of 5xx says nothing about it.
func refusedProblem(what string, refused *oauth2.RetrieveError) *Problem {
	code := errorCode(refused.ErrorCode)
	status := refused.Response.StatusCode
	switch {
	case status >= http.StatusInternalServerError:
		return &Problem{What: what + " is out of order: " + http.StatusText(status), Mend: "see its log"}
	case code == "invalid_client" || code == "unauthorized_client" || status == http.StatusUnauthorized:
		return &Problem{
			What: strings.TrimSpace(what + " does not accept this client: " + code),
			Mend: "compare http.oidc.client_id and client_secret with the client at the provider, which must be a confidential one",
		}
	}
	return &Problem{
		What:    strings.TrimSpace(fmt.Sprintf("%s does not take its own code: %d %s", what, status, code)),
		Mend:    "if it stays so, see the provider's log, and whether the client may use the authorization code flow",
		invalid: true,
	}
}

// short keeps a foreign text from filling a log.
func short(text string) string {
	const enough = 200
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if r := []rune(text); len(r) > enough {
		return string(r[:enough]) + "…"
	}
	return text
}

// errorCode gives an error's code as OAuth has them (RFC 6749, section 5.2), and nothing that is none.
func errorCode(code string) string {
	if len(code) > 40 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "(not a code)"
	}
	return code
}
