package supervision

import (
	"maps"
	"regexp"
	"slices"
	"time"
)

// PersonID is a person's id in the configuration. Ids are unique across people and groups.
type PersonID string

// GroupID is a group's.
type GroupID string

// Person is somebody with an extension and one or more endpoints.
type Person struct {
	ID        PersonID
	Name      string
	Extension string
	// Language is a tag; empty: the configuration does not say.
	Language string
	// Admin marks a company administrator.
	Admin bool
	// Endpoints are the supervised devices, as the PBX names them (PJSIP/101), in the order of the configuration.
	Endpoints []Endpoint
	// Unsupervised are devices whose calls make the person busy and are otherwise nobody's business.
	Unsupervised []string
}

// Endpoint is one supervised device of a person.
type Endpoint struct {
	Name       string // technology and resource: PJSIP/101
	Label      string // what the person calls it
	Default    bool   // rung for a console's pickup when none is chosen
	AutoAnswer string // the phone's make, for its auto-answer headers
}

// GroupType tells fixed groups from those that people join and leave.
type GroupType string

const (
	Standard  GroupType = "standard"
	MutualAid GroupType = "mutual_aid"
)

// Lock says what a leave must not bring about (rule G6).
type Lock string

const (
	LockOff    Lock = "off"
	LockPerson Lock = "person"
	LockRole   Lock = "role"
)

// Group is a supervision group: people who supervise and people who are supervised.
type Group struct {
	ID                GroupID
	Name              string
	Number            string // for feature codes
	Type              GroupType
	LockLast          Lock
	InitiallyLoggedIn bool
	Supervisors       []Participant
	Members           []Participant
	Calls             CallFilter

	// Where people are in Supervisors and Members; NewDirectory fills them in.
	supervisors, members map[PersonID]int
	everybody            []PersonID        // each once
	seats                map[PersonID]seat // and as what
}

// Participant is a person's place in a group. Admin means something for supervisors only.
type Participant struct {
	Person   PersonID
	Admin    bool
	MayLeave bool
}

// CallFilter limits what a group supervises and when it is told (rule R7).
type CallFilter struct {
	// OnlyDialled: the number first dialled must match one of these. Empty: any.
	OnlyDialled []*regexp.Regexp
	// ExceptCallers: callers whose number matches one of these are left out.
	ExceptCallers []*regexp.Regexp
	// Internal: calls between colleagues are supervised too.
	Internal bool
	// AlertAfter is how long a call rings before the group is told.
	AlertAfter time.Duration
}

// Supervisor returns p's place among the supervisors. It is known once the group is in a directory.
func (g *Group) Supervisor(p PersonID) (Participant, bool) {
	return place(g.Supervisors, g.supervisors, p)
}

// Member returns p's place among the members. It is known once the group is in a directory.
func (g *Group) Member(p PersonID) (Participant, bool) { return place(g.Members, g.members, p) }

func place(list []Participant, at map[PersonID]int, p PersonID) (Participant, bool) {
	i, found := at[p]
	if !found {
		return Participant{}, false
	}
	return list[i], true
}

func places(list []Participant) map[PersonID]int {
	at := make(map[PersonID]int, len(list))
	for i, p := range list {
		at[p.Person] = i
	}
	return at
}

func (g *Group) participants() []PersonID {
	list := make([]PersonID, 0, len(g.Supervisors)+len(g.Members))
	for _, s := range g.Supervisors {
		list = append(list, s.Person)
	}
	for _, m := range g.Members {
		if _, both := g.Supervisor(m.Person); !both {
			list = append(list, m.Person)
		}
	}
	return list
}

// Directory is who there is at a site: its people and its groups. It is immutable once made.
type Directory struct {
	Site string

	people       map[PersonID]*Person
	groups       map[GroupID]*Group
	personIDs    []PersonID
	groupIDs     []GroupID
	byExtension  map[string]*Person
	byNumber     map[string]*Group
	byEndpoint   map[string]ownedEndpoint
	groupsOf     map[PersonID][]*Group // in any role, by group id
	supervisedIn map[PersonID][]*Group // as a member
	supervises   map[PersonID][]*Group // as a supervisor
}

type ownedEndpoint struct {
	person     *Person
	supervised bool
}

// NewDirectory makes a directory of people and groups that package config has found to be in order: ids, extensions,
// numbers and endpoints have one owner each, and groups name people who exist.
func NewDirectory(site string, people []Person, groups []Group) *Directory {
	d := &Directory{
		Site:         site,
		people:       make(map[PersonID]*Person, len(people)),
		groups:       make(map[GroupID]*Group, len(groups)),
		byExtension:  make(map[string]*Person, len(people)),
		byNumber:     make(map[string]*Group, len(groups)),
		byEndpoint:   make(map[string]ownedEndpoint, len(people)),
		groupsOf:     make(map[PersonID][]*Group),
		supervisedIn: make(map[PersonID][]*Group),
		supervises:   make(map[PersonID][]*Group),
	}
	for i := range people {
		p := &people[i]
		d.people[p.ID] = p
		d.byExtension[p.Extension] = p
		for _, e := range p.Endpoints {
			d.byEndpoint[e.Name] = ownedEndpoint{p, true}
		}
		for _, e := range p.Unsupervised {
			d.byEndpoint[e] = ownedEndpoint{p, false}
		}
	}
	for i := range groups {
		g := &groups[i]
		d.groups[g.ID] = g
		g.supervisors, g.members, g.seats = places(g.Supervisors), places(g.Members), g.allSeats()
		g.everybody = g.participants()
		if g.Number != "" {
			d.byNumber[g.Number] = g
		}
	}
	d.personIDs = slices.Sorted(maps.Keys(d.people))
	d.groupIDs = slices.Sorted(maps.Keys(d.groups))
	for _, id := range d.groupIDs {
		g := d.groups[id]
		for _, s := range g.Supervisors {
			d.supervises[s.Person] = append(d.supervises[s.Person], g)
		}
		for _, m := range g.Members {
			d.supervisedIn[m.Person] = append(d.supervisedIn[m.Person], g)
		}
		for _, p := range g.everybody {
			d.groupsOf[p] = append(d.groupsOf[p], g)
		}
	}
	return d
}

// People returns the ids of all people, sorted.
func (d *Directory) People() []PersonID { return d.personIDs }

// Groups returns the ids of all groups, sorted.
func (d *Directory) Groups() []GroupID { return d.groupIDs }

// Person returns the person with that id, or nil.
func (d *Directory) Person(id PersonID) *Person { return d.people[id] }

// name is a person's name; empty for nobody.
func (d *Directory) name(id PersonID) string {
	if p := d.people[id]; p != nil {
		return p.Name
	}
	return ""
}

// Group returns the group with that id, or nil.
func (d *Directory) Group(id GroupID) *Group { return d.groups[id] }

// PersonByExtension returns the owner of an extension, or nil.
func (d *Directory) PersonByExtension(ext string) *Person { return d.byExtension[ext] }

// GroupByNumber returns the group with that short number, or nil.
func (d *Directory) GroupByNumber(number string) *Group { return d.byNumber[number] }

// Endpoint returns who owns an endpoint, and whether its calls are supervised. Nobody: nil.
func (d *Directory) Endpoint(name string) (owner *Person, supervised bool) {
	o := d.byEndpoint[name]
	return o.person, o.supervised
}
