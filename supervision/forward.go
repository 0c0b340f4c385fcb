package supervision

import (
	"maps"
	"slices"

	"supervisiond/forwarding"
)

// phoneForward is a redirection that a phone gave as its answer to a call (F5).
type phoneForward struct {
	endpoint string
	target   string
	since    Stamp
}

// storeWrite is a change of the PBX's store that is on its way.
type storeWrite struct {
	asker     asker
	person    PersonID
	extension string
	changes   []forwarding.Change
	// all forwards are to be cancelled: that cannot succeed where the phone's own is the only one.
	all bool
}

// storeRead takes what the PBX's store says, whoever has written it (F2).
func (t *step) storeRead(e StoreRead) {
	t.learning = t.learning || !t.storeKnown // what was there before us is no change
	touched := maps.Clone(e.Lines)
	if e.Whole {
		for ext := range t.store {
			if _, still := e.Lines[ext]; !still {
				touched[ext] = forwarding.Stored{}
			}
		}
	}
	t.putLines(touched)
	if e.Whole && !t.storeKnown {
		t.storeKnown = true
		t.order(StoreKnown{})
	}
}

func (t *step) putLines(lines map[string]forwarding.Stored) {
	for ext, line := range lines {
		if line == (forwarding.Stored{}) {
			delete(t.store, ext)
		} else {
			t.store[ext] = line
		}
	}
	if len(lines) == 0 {
		return
	}
	// Where a forward ends may depend on another line.
	for _, id := range t.dir.People() {
		_, named := lines[t.dir.Person(id).Extension]
		if named || len(t.forwards[id]) > 0 {
			t.staleForwards(id)
		}
	}
}

func (t *step) staleForwards(id PersonID) {
	t.stale[id] = true
	t.touchPerson(id)
}

// describeForwards says how a line is forwarded. What was there before keeps its moment and its author.
func (t *step) describeForwards(p *Person) {
	old := t.forwards[p.ID]
	docs := []forwarding.Document{}
	for _, f := range forwarding.Resolve(t.store, p.Extension) {
		doc := forwarding.Document{
			Kind: f.Kind, Target: f.Target, Effective: f.Effective, Loop: f.Loop, AfterSeconds: f.AfterSeconds,
			Since: Stamp{t.now}.String(),
		}
		i := slices.IndexFunc(old, func(o forwarding.Document) bool {
			return o.Kind == doc.Kind && o.Target == doc.Target && o.AfterSeconds == doc.AfterSeconds
		})
		if i >= 0 {
			doc.Since, doc.SetBy = old[i].Since, old[i].SetBy
		} else if by := t.author(p.ID, f.Kind); by != nil {
			doc.SetBy = string(by.Person)
		}
		docs = append(docs, doc)
	}
	docs = append(docs, t.describePhoneForwards(p)...)
	for i := range docs {
		docs[i].TargetName, docs[i].EffectiveName = t.dir.nameAt(docs[i].Target), t.dir.nameAt(docs[i].Effective)
	}
	t.forwards[p.ID] = docs
}

// nameAt is the name of whose extension a number is; nobody's: empty.
func (d *Directory) nameAt(number string) string {
	if owner := d.byExtension[number]; owner != nil {
		return owner.Name
	}
	return ""
}

// author is who has just changed a forward of a line, or (with no kind) its do-not-disturb. Nil: not known (F2).
func (t *step) author(p PersonID, kinds ...forwarding.Kind) *By {
	w := t.confirmed
	if w == nil || w.person != p || !slices.ContainsFunc(w.changes, func(c forwarding.Change) bool { return slices.Contains(kinds, c.Kind) }) {
		return nil
	}
	return w.asker.by()
}

// describePhoneForwards lists the redirections of a person's phones, the oldest first. Where two agree, one is shown.
func (t *step) describePhoneForwards(p *Person) []forwarding.Document {
	own := slices.DeleteFunc(t.phoneForwards[p.ID], func(f phoneForward) bool {
		owner, supervised := t.dir.Endpoint(f.endpoint)
		return owner != p || !supervised // it was somebody else's before the configuration changed
	})
	t.phoneForwards[p.ID] = own
	var docs []forwarding.Document
	for _, f := range own {
		if slices.ContainsFunc(docs, func(d forwarding.Document) bool { return d.Target == f.target }) {
			continue
		}
		doc := forwarding.Document{Kind: forwarding.Phone, Target: f.target, Since: f.since.String()}
		doc.Effective, doc.Loop = forwarding.Follow(t.store, p.Extension, f.target)
		docs = append(docs, doc)
	}
	return docs
}

// phoneRedirected notes that a phone sends callers on by itself.
func (t *step) phoneRedirected(e PhoneRedirected) {
	owner, supervised := t.dir.Endpoint(e.Endpoint)
	if owner == nil || !supervised || e.Target == "" {
		return
	}
	f := phoneForward{endpoint: e.Endpoint, target: e.Target, since: Stamp{t.now}}
	own := t.phoneForwards[owner.ID]
	if slices.ContainsFunc(own, func(o phoneForward) bool { return o.endpoint == f.endpoint && o.target == f.target }) {
		return
	}
	own = slices.DeleteFunc(own, func(o phoneForward) bool { return o.endpoint == f.endpoint })
	t.phoneForwards[owner.ID] = append(own, f)
	t.staleForwards(owner.ID)
}

// phoneTakesCalls: a phone rings, or has taken a call that came to it, so that it does not send callers on any more (F5).
// What the person's other phones do says nothing of this one.
func (t *step) phoneTakesCalls(p PersonID, endpoint string) {
	own := t.phoneForwards[p]
	rest := slices.DeleteFunc(own, func(f phoneForward) bool { return f.endpoint == endpoint })
	if len(rest) < len(own) {
		t.phoneForwards[p] = rest
		t.staleForwards(p)
	}
}

// mayForward says whether actor may change (set) or cancel a line's forwards (F4). A company administrator may what a
// group administrator of every group may, and no more: nothing where somebody is in no group, or logged out (G4).
func (t *step) mayForward(actor, person *Person, set bool) *Refusal {
	if actor == person {
		return nil
	}
	supervises, may, loggedIn := false, false, false
	for _, g := range t.dir.supervisedIn[person.ID] {
		if _, supervisor := g.Supervisor(actor.ID); !supervisor && !actor.Admin {
			continue
		}
		supervises = true
		if !set || t.administers(actor, g) {
			may = true
			loggedIn = loggedIn || t.logins[login{g.ID, person.ID}]
		}
	}
	switch { // the order of P7
	case !supervises:
		return refuse(NotSupervisor, "%s does not supervise %s", actor.Name, person.Name)
	case !may:
		return refuse(NotAdmin, "%s administers no group of %s's", actor.Name, person.Name)
	case !loggedIn:
		return refuse(NotSupervised, "%s is logged out", person.Name)
	}
	return nil
}

func (t *step) setForwarding(a asker, c SetForwarding) {
	person := t.dir.Person(c.Person)
	if person == nil {
		t.refuseTo(a, refuse(NotFound, "there is no person %s", c.Person))
		return
	}
	if r := t.mayForward(a.actor, person, true); r != nil {
		t.refuseTo(a, r)
		return
	}
	if reason := t.policy.Check(t.linesToBe(), person.Extension, c.Kind, c.Target, c.AfterSeconds); reason != "" {
		code := Invalid
		if reason.AboutDestination() {
			code = DestinationRefused
		}
		t.refuseTo(a, refuse(code, "%s", reason.Message()).with("reason", string(reason)))
		return
	}
	if !t.storeKnown {
		t.refuseTo(a, refuse(PBXUnavailable, "the PBX's forwards are not known yet, so that a loop would not be found"))
		return
	}
	t.writeStore(storeWrite{asker: a, changes: []forwarding.Change{{Kind: c.Kind, Value: c.Target, AfterSeconds: c.AfterSeconds}}}, person)
}

// linesToBe are the lines once all that is on its way has been written.
func (t *step) linesToBe() map[string]forwarding.Stored {
	if len(t.storing) == 0 {
		return t.store
	}
	lines := maps.Clone(t.store)
	for _, write := range slices.Sorted(maps.Keys(t.storing)) {
		w := t.storing[write]
		lines[w.extension] = changed(lines[w.extension], w.changes)
	}
	return lines
}

func changed(line forwarding.Stored, by []forwarding.Change) forwarding.Stored {
	for _, c := range by {
		line = line.With(c)
	}
	return line
}

func (t *step) cancelForwarding(a asker, c CancelForwarding) {
	person := t.dir.Person(c.Person)
	if person == nil {
		t.refuseTo(a, refuse(NotFound, "there is no person %s", c.Person))
		return
	}
	if r := t.mayForward(a.actor, person, false); r != nil {
		t.refuseTo(a, r)
		return
	}
	kinds := []forwarding.Kind{c.Kind}
	switch {
	case c.Kind == "":
		kinds = forwarding.Kinds()
	case c.Kind == forwarding.Phone:
		t.refuseTo(a, refuse(SetOnPhone, "what a phone forwards by itself can be cancelled only there"))
		return
	}
	var changes []forwarding.Change
	for _, kind := range kinds {
		if t.policy.Families.Of(kind) != "" {
			changes = append(changes, forwarding.Change{Kind: kind})
		}
	}
	if len(changes) == 0 {
		reason := forwarding.Unsupported
		if c.Kind != "" && !c.Kind.Settable() {
			reason = forwarding.BadKind
		}
		t.refuseTo(a, refuse(Invalid, "%s", reason.Message()).with("reason", string(reason)))
		return
	}
	t.writeStore(storeWrite{asker: a, changes: changes, all: c.Kind == ""}, person)
}

func (t *step) setDND(a asker, c SetDND) {
	person := t.dir.Person(c.Person)
	switch {
	case person == nil:
		t.refuseTo(a, refuse(NotFound, "there is no person %s", c.Person))
	case person != a.actor:
		t.refuseTo(a, refuse(NotAdmin, "do-not-disturb is everybody's own"))
	case t.policy.Families.DND == "":
		t.refuseTo(a, refuse(Invalid, "the PBX has no place for do-not-disturb"))
	case c.On:
		t.writeStore(storeWrite{asker: a, changes: []forwarding.Change{{Value: forwarding.DNDValue}}}, person)
	default:
		t.writeStore(storeWrite{asker: a, changes: []forwarding.Change{{}}}, person)
	}
}

// writeStore asks the PBX, and answers when it has confirmed (F7). It does so even if nothing seems to change: what is
// known here may be older than what somebody else has written.
func (t *step) writeStore(w storeWrite, p *Person) {
	if !t.pbx.Connected {
		t.refuseTo(w.asker, refuse(PBXUnavailable, "the PBX is away"))
		return
	}
	w.person, w.extension = p.ID, p.Extension
	t.writes++
	t.storing[t.writes] = &w
	t.order(WriteStore{Write: t.writes, Extension: p.Extension, Changes: w.changes})
}

func (t *step) storeWritten(e StoreWritten) {
	w := t.storing[e.Write]
	delete(t.storing, e.Write)
	if e.Read {
		if !e.Failed {
			t.confirmed = w
		}
		t.putLines(map[string]forwarding.Stored{e.Extension: e.Now})
	}
	if w == nil {
		return
	}
	anew := e.Before != changed(e.Before, w.changes)
	switch {
	case e.Unknown:
		t.refuseTo(w.asker, notKnown(PBXUnavailable, "the PBX did not confirm the change"))
	case e.Failed:
		t.refuseTo(w.asker, refuse(PBXUnavailable, "the PBX did not confirm the change"))
	case w.all && !anew && len(t.phoneForwards[w.person]) > 0:
		t.refuseTo(w.asker, refuse(SetOnPhone, "what a phone forwards by itself can be cancelled only there"))
	default:
		t.grant(w.asker, anew, false)
	}
}

// recordForwards is what the history may have of a person: how the line is forwarded, and who may see that.
func (t *step) recordForwards(d *PersonDocument) *ForwardingDocument {
	r := &ForwardingDocument{ID: d.ID, Name: d.Name, Extension: d.Extension, Forwarding: d.Forwarding, Groups: []GroupID{}}
	for _, g := range t.dir.supervisedIn[d.ID] {
		if t.logins[login{g.ID, d.ID}] {
			r.Groups = append(r.Groups, g.ID)
		}
	}
	return r
}

// announceForwarding tells of a change, and whose it was if it was made here. That somebody is called otherwise is none.
func (t *step) announceForwarding(old, doc *PersonDocument) {
	if !slices.EqualFunc(old.Forwarding, doc.Forwarding, forwarding.Document.SameWay) {
		t.announce(Announce{
			Type: EventForwardingChanged, Entity: string(doc.ID), Document: t.recordForwards(doc), Before: t.recordForwards(old),
			Person: doc.ID, By: t.author(doc.ID, forwarding.Kinds()...),
		})
	}
	if old.DND != doc.DND {
		t.announce(Announce{
			Type: EventDNDChanged, Entity: string(doc.ID), Document: doc, Before: old, Person: doc.ID, By: t.author(doc.ID, ""),
		})
	}
}
