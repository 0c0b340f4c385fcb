package bench

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"supervisiond/test/lab"
	"supervisiond/test/lampboard"
	"supervisiond/test/softphone"
)

// lampSize is how large a site of lamp boards is.
type lampSize struct {
	boards int // supervisors, each of whom has a board with a lamp for each member
	lamps  int // members
	groups int // each member is in one, each supervisor in all
	phones int // members whose phones are there
}

func boardOwner(board int) string     { return fmt.Sprintf("s%d", board) }
func boardExtension(board int) string { return fmt.Sprint(1000 + board) }
func lampPerson(member int) string    { return fmt.Sprintf("m%d", member) }
func lampExtension(member int) string { return fmt.Sprint(2000 + member) }
func (s lampSize) ringing(n int) int  { return n % s.phones * (s.lamps / s.phones) } // the member with phone n
func (s lampSize) subscriptions() int { return s.boards * s.lamps }
func (s lampSize) people() (all []lab.Person) {
	for i := range s.boards {
		all = append(all, lab.Person{Extension: boardExtension(i), Name: fmt.Sprint("Supervisor ", i)})
	}
	for m := range s.lamps {
		all = append(all, lab.Person{Extension: lampExtension(m), Name: fmt.Sprint("Member ", m)})
	}
	return all
}

// site is the configuration.
func (s lampSize) site(ari, sip string) string {
	var y strings.Builder
	y.WriteString("people:\n")
	var owners []string
	for i := range s.boards {
		owners = append(owners, boardOwner(i))
		fmt.Fprintf(&y, "  %s: {name: Supervisor %d, extension: %q, endpoints: [PJSIP/%s], sip: {password: %s}}\n",
			boardOwner(i), i, boardExtension(i), boardExtension(i), loadPassword)
	}
	members := make([][]string, s.groups)
	for m := range s.lamps {
		members[m%s.groups] = append(members[m%s.groups], lampPerson(m))
		fmt.Fprintf(&y, "  %s: {name: Member %d, extension: %q, endpoints: [PJSIP/%s]}\n", lampPerson(m), m, lampExtension(m), lampExtension(m))
	}
	y.WriteString("groups:\n")
	for g, list := range members {
		fmt.Fprintf(&y, "  g%d: {name: Group %d, number: %q, supervisors: [%s], members: [%s]}\n",
			g, g, fmt.Sprint(g+1), strings.Join(owners, ", "), strings.Join(list, ", "))
	}
	fmt.Fprintf(&y, `site: lamps
asterisk: {ari: {url: %s, username: supervisiond, password: lab}}
nats: {embedded: {listen: "127.0.0.1:0", store_dir: nats}}
http: {listen: "127.0.0.1:0"}
log: {format: json}
sip: {listen: ["udp://127.0.0.1:0"], pbx_uri: "sip:%s"}
`, ari, sip)
	return y.String()
}

// lampRing is a call that rings a member's phone.
type lampRing struct {
	softphoneRing
	member int
}

// wallOfLamps is a real Asterisk and the daemon with as many boards each, which watch the same phones.
type wallOfLamps struct {
	b    testing.TB
	size lampSize
	http string
	// lamps are the daemon's, by board and member; blf are Asterisk's own, by board and member with a phone.
	lamps, blf [][]*lampboard.Lamp
	trunk      *softphone.Phone
	dialled    int

	mu    sync.Mutex
	rings []lampRing
}

func newWall(b testing.TB, size lampSize) *wallOfLamps {
	b.Helper()
	pbx := lab.Start(b, lab.Options{People: size.people()})
	w := &wallOfLamps{b: b, size: size}
	for n := range size.phones {
		member := size.ringing(n)
		softphone.Start(b, softphone.Options{
			User: lampExtension(member), Password: lab.Password(lampExtension(member)), Server: pbx.SIPAddr(),
			Behaviour: func(ctx context.Context, c *softphone.Call) { w.ring(ctx, c, member) },
		})
	}
	w.trunk = softphone.Start(b, softphone.Options{
		User: lab.Trunk, Password: lab.Password(lab.Trunk), Server: pbx.SIPAddr(), NoRegister: true,
	})
	p := build(b)
	p.configure(size.site(pbx.ARIURL(), pbx.SIPAddr()))
	w.http = p.start()
	awaitReady(b, w.http)
	server, ok := strings.CutPrefix(p.sip[0], "udp://")
	if _, _, err := net.SplitHostPort(server); err != nil || !ok {
		b.Fatalf("the daemon answers SIP at %v", p.sip)
	}
	all, phones := make([]int, size.lamps), make([]int, size.phones)
	for m := range all {
		all[m] = m
	}
	for n := range phones {
		phones[n] = size.ringing(n)
	}
	w.lamps = w.boards(func(i int) lampboard.Options {
		return lampboard.Options{User: boardOwner(i), Password: loadPassword, Server: server}
	}, all)
	w.blf = w.boards(func(i int) lampboard.Options {
		return lampboard.Options{User: boardExtension(i), Password: lab.Password(boardExtension(i)), Server: pbx.SIPAddr()}
	}, phones)
	return w
}

// boards has each of so many boards subscribe to the same members, and waits until all lamps show something.
func (w *wallOfLamps) boards(options func(board int) lampboard.Options, members []int) [][]*lampboard.Lamp {
	w.b.Helper()
	ctx, cancel := context.WithTimeout(w.b.Context(), patience)
	defer cancel()
	all, failed := make([][]*lampboard.Lamp, w.size.boards), make(chan error, w.size.boards)
	for i := range all {
		board := lampboard.Start(w.b, options(i))
		go func() {
			for _, m := range members {
				l, err := board.Subscribe(ctx, lampExtension(m), "dialog", "Accept: application/dialog-info+xml\r\n")
				if err == nil {
					_, err = l.Shows(ctx, "dialog-info", "-"+ringsNow)
				}
				if err != nil {
					failed <- err
					return
				}
				all[i] = append(all[i], l)
			}
			failed <- nil
		}()
	}
	for range all {
		if err := <-failed; err != nil {
			w.b.Fatal(err)
		}
	}
	return all
}
