package notifier

import (
	"strconv"
	"strings"
	"time"

	"supervisiond/forwarding"
	"supervisiond/sip/body"
	"supervisiond/supervision"
)

// setPrefix begins the ids of commands by which phones set their lines' features.
const setPrefix = "sip-set-"

// ringTime is how long a ring lasts that phones count: five seconds and a half is what most tone plans come to.
const ringTime = 5500 * time.Millisecond

// features carries out what a phone asks to be set in the body of its SUBSCRIBE (as-feature-event). What comes of it the next NOTIFY
// tells: what the line has then. It is not ok if the body cannot be read; then nothing is set.
func (n *Notifier) features(a ask, s *subscription) (Decision, bool) {
	if a.Event != eventFeature || len(a.Body) == 0 {
		return Decision{}, true
	}
	media, _, _ := strings.Cut(a.ContentType, ";")
	if strings.TrimSpace(strings.ToLower(media)) != body.FeatureType {
		return refused(415, "Unsupported Media Type", Header{"Accept", body.FeatureType}), false
	}
	f, err := body.ParseFeature(a.Body)
	if err != nil {
		n.o.Log.Info("a phone asks for a feature in words that nobody understands", "person", a.Viewer, "error", err)
		return refused(400, "Bad Request"), false
	}
	command, ok := n.command(a.Viewer, f, s.viewer.table.Person(a.Viewer))
	if !ok {
		return Decision{}, true // what it asks for is so, or nobody knows where to
	}
	n.count++
	id := setPrefix + strconv.FormatUint(n.count, 10)
	err = n.o.Command(supervision.Commanded{At: time.Now(), ID: id, Actor: a.Viewer, Via: supervision.ViaPhone, Command: command})
	if err != nil {
		return refused(503, "Service Unavailable", RetryAfter(5)), false
	}
	n.setting[id] = s
	s.setting++
	return Decision{}, true
}

// command is what setting a feature comes to. A phone that switches a forward on and does not say where to means the last target;
// only one that is on is known.
func (n *Notifier) command(actor supervision.PersonID, f body.Feature, doc *supervision.PersonDocument) (supervision.Command, bool) {
	if f.Kind == body.DoNotDisturb {
		return supervision.SetDND{Person: actor, On: f.On}, true
	}
	kind := forwarding.Kind(f.Kind)
	if !f.On {
		return supervision.CancelForwarding{Person: actor, Kind: kind}, true
	}
	c := supervision.SetForwarding{Person: actor, Kind: kind, Target: f.Target}
	if kind == forwarding.NoAnswer && n.o.AfterSeconds {
		c.AfterSeconds = int(time.Duration(f.Rings) * ringTime / time.Second)
	}
	if c.Target == "" {
		c.Target = targetOf(doc, kind)
	}
	return c, c.Target != ""
}

func targetOf(doc *supervision.PersonDocument, kind forwarding.Kind) string {
	if doc != nil {
		for _, f := range doc.Forwarding {
			if f.Kind == kind {
				return f.Target
			}
		}
	}
	return ""
}

// set: what a phone asked to be set is so, or refused. Either way it is told what the line has.
func (n *Notifier) set(r *supervision.Reply) {
	s := n.setting[r.ID]
	delete(n.setting, r.ID)
	if s == nil {
		return
	}
	if r.Refusal != nil {
		n.o.Log.Info("a phone's feature key was refused", "person", s.viewer.id, "code", r.Refusal.Code, "why", r.Refusal.Message)
	}
	s.setting--
	s.dirty, s.whole = true, true
	n.push(s)
}

// featureContent is what the line has: do-not-disturb and the three forwards of the PBX's store.
func (s *subscription) featureContent() (kind string, document []byte, news bool) {
	doc := s.viewer.table.Person(s.target.person)
	if doc == nil {
		return "", nil, false
	}
	list := []body.Feature{{Device: doc.Extension, Kind: body.DoNotDisturb, On: doc.DND}}
	for _, k := range []forwarding.Kind{forwarding.Always, forwarding.Busy, forwarding.NoAnswer} {
		f := body.Feature{Device: doc.Extension, Kind: body.FeatureKind(k)}
		for _, set := range doc.Forwarding {
			if set.Kind == k {
				f.On, f.Target, f.Rings = true, set.Target, int(time.Duration(set.AfterSeconds)*time.Second/ringTime)
			}
		}
		list = append(list, f)
	}
	document, kind = body.AppendFeatures(nil, list, s.o.Host)
	news = string(document) != s.text
	if !news && !s.whole {
		return "", nil, false
	}
	s.text, s.whole = string(document), false
	return kind, document, true
}
