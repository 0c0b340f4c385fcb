package supervision

// asker is whoever waits for an answer: a program with the id of its command, or a phone with its channel.
type asker struct {
	id      string
	channel string
	actor   *Person
	via     Way
}

func (a asker) by() *By { return &By{Person: a.actor.ID, Name: a.actor.Name, Via: a.via} }

func (t *step) refuseTo(a asker, r *Refusal) {
	switch {
	case a.channel != "":
		order := Refuse{Channel: a.channel, Refusal: r}
		if a.actor != nil {
			order.Actor = a.actor.ID
		}
		t.order(order)
	case a.id != "":
		t.order(Reply{ID: a.id, Refusal: r})
	}
}

// grant says that it was done. A phone hears whether something is on or off now.
func (t *step) grant(a asker, changed, on bool) {
	switch {
	case a.channel != "":
		t.order(Confirm{Channel: a.channel, On: on})
	case a.id != "":
		t.order(Reply{ID: a.id, Changed: changed})
	}
}

// commanded judges what came from a program.
func (t *step) commanded(e Commanded) {
	a := asker{id: e.ID, actor: t.dir.Person(e.Actor), via: e.Via}
	if a.actor == nil {
		t.refuseTo(a, refuse(NotFound, "there is no person %s", e.Actor))
		return
	}
	switch c := e.Command.(type) {
	case JoinGroup:
		t.logOneself(a, c.Group, true)
	case LeaveGroup:
		t.logOneself(a, c.Group, false)
	case ForceIn:
		t.logSomebody(a, c.Group, c.Person, true)
	case ForceOut:
		t.logSomebody(a, c.Group, c.Person, false)
	case SetForwarding:
		t.setForwarding(a, c)
	case CancelForwarding:
		t.cancelForwarding(a, c)
	case SetDND:
		t.setDND(a, c)
	case ReportPresence:
		t.reportPresence(a, c)
	case PickUpCall:
		t.pickUpCall(a, c)
	case GetView:
		t.order(Reply{ID: a.id, Result: t.view(a.actor)})
	case GetHistory:
		t.order(Reply{ID: a.id, Result: t.reader(a.actor)})
	default:
		t.refuseTo(a, refuse(Invalid, "this is no command"))
	}
}

// codeDialled judges what came from a phone: the same commands, with numbers in place of ids.
func (t *step) codeDialled(e CodeDialled) {
	actor, _ := t.dir.Endpoint(e.Endpoint)
	a := asker{channel: e.Channel, actor: actor, via: ViaPhone}
	if actor == nil {
		t.refuseTo(a, refuse(NotParticipant, "this phone belongs to nobody who is configured here"))
		return
	}
	person := actor
	if e.Extension != "" {
		if person = t.dir.PersonByExtension(e.Extension); person == nil {
			t.refuseTo(a, refuse(NotFound, "nobody has the extension %s", e.Extension))
			return
		}
	}
	if e.Code == CodeCancelForwarding {
		t.cancelForwarding(a, CancelForwarding{Person: person.ID})
		return
	}
	g := t.dir.GroupByNumber(e.GroupNumber)
	if g == nil {
		t.refuseTo(a, refuse(NotFound, "no group has the number %s", e.GroupNumber))
		return
	}
	in := e.Code == CodeJoin || e.Code == CodeToggle && !t.willBeIn(login{g.ID, person.ID})
	if person == actor {
		t.logOneself(a, g.ID, in)
	} else {
		t.logSomebody(a, g.ID, person.ID, in)
	}
}
