package softphone

import (
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// routeSet is the way of a dialog's later requests: through every proxy that
// put itself into Record-Route, the nearest first (RFC 3261, 12.1).
func routeSet(m sip.Message, caller bool) []string {
	var routes []string
	for _, value := range values(m, "Record-Route") {
		for route := range strings.SplitSeq(value, ",") {
			routes = append(routes, strings.TrimSpace(route))
		}
	}
	if caller {
		slices.Reverse(routes)
	}
	return routes
}

func addRoutes(req *sip.Request, routes []string) {
	for _, r := range routes {
		req.AppendHeader(sip.NewHeader("Route", r))
	}
}
