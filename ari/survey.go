package ari

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Surveyed is an endpoint that a PBX has, with what pjsip.conf says of it. What the PBX does not show is empty.
type Surveyed struct {
	Name         string // such as PJSIP/102
	Context      string // in which it dials
	CallerName   string
	CallerNumber string
	OutboundAuth string // how it logs in elsewhere
}

// Survey lists the endpoints of a PBX, by name. It only reads, and makes no channel.
func Survey(ctx context.Context, s Server) ([]Surveyed, error) {
	rest, err := NewClient(s)
	if err != nil {
		return nil, err
	}
	defer rest.Close()
	known, err := rest.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Surveyed, len(known))
	for i, e := range known {
		list[i].Name = e.Technology + "/" + e.Resource
	}
	slices.SortFunc(list, func(a, b Surveyed) int { return strings.Compare(a.Name, b.Name) })
	list = slices.Compact(list)
	err = each(ctx, list, func(ctx context.Context, i int, e Surveyed) error {
		id, ours := strings.CutPrefix(e.Name, "PJSIP/")
		if !ours {
			return nil
		}
		object, err := rest.sorcery(ctx, "endpoint", id)
		var failed *Error
		if errors.As(err, &failed) && failed.Status != 0 {
			return nil // it is not shown
		}
		list[i].Context, list[i].OutboundAuth = object["context"], object["outbound_auth"]
		list[i].CallerName, list[i].CallerNumber = callerID(object["callerid"])
		return err
	})
	return list, err
}

// callerID takes apart what ARI shows of an endpoint's: "name" <number>, or one of the two alone.
func callerID(s string) (name, number string) {
	s = strings.TrimSpace(s)
	if s == "<unknown>" {
		return "", ""
	}
	open := strings.LastIndexByte(s, '<')
	if open < 0 || !strings.HasSuffix(s, ">") {
		if strings.Trim(s, "0123456789") == "" {
			return "", s
		}
		return unquoted(s), ""
	}
	return unquoted(s[:open]), strings.TrimSpace(s[open+1 : len(s)-1])
}

// unquoted takes off the quotes that Asterisk puts around names, and the backslashes that it puts before quotes in them.
func unquoted(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s[1 : len(s)-1])
}
