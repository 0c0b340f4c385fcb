// Package config turns the daemon's YAML file into one validated value.
//
// [Load] and [Parse] either return a [Config] in which everything holds (references name people who exist, patterns
// compile, secrets are read, defaults are filled in) or [Errors] with every mistake of the file, each at its line and
// column. Nothing else in the daemon validates configuration, and nobody changes a Config: a reload makes a new one.
//
// Relative paths in the file (…_file and store_dir) start from the folder of the configuration file, so that a
// configuration means the same whatever folder the daemon is started in. An empty value (name:) counts as not given.
package config

import (
	"log/slog"
	"slices"
	"time"

	"supervisiond/forwarding"
	"supervisiond/supervision"
)

// Config is a whole configuration. It is not to be changed once made.
type Config struct {
	// File is the name that the configuration was read from, as it was given.
	File string
	// Site is a token in every NATS subject.
	Site string
	// Directory holds the people and the groups.
	Directory *supervision.Directory
	// Credentials are what people prove themselves with. Who has none is absent.
	Credentials map[supervision.PersonID]Credentials

	Asterisk   Asterisk
	NATS       NATS
	HTTP       HTTP
	SIP        SIP
	Features   Features
	Pickup     Pickup
	Forwarding forwarding.Policy
	History    History
	Limits     Limits
	Log        Log
}

// Credentials are one person's.
type Credentials struct {
	// PasswordHash is a bcrypt hash. Empty: the person has no password.
	PasswordHash Secret
	// SIP is for digest authentication at the event server. Its Username is empty if the person has none.
	SIP SIPCredentials
}

// SIPCredentials hold a password, or what RFC 8760 calls HA1 in lower-case hex for one or both algorithms.
// The realm is [SIP.Realm].
type SIPCredentials struct {
	Username  string
	Password  Secret
	HA1MD5    Secret
	HA1SHA256 Secret
	// Alerts: the person's phones get a SIP MESSAGE when a call rings that they may pick up.
	Alerts bool
}

// Asterisk says how to reach the PBX and which of its dialplan contexts are ours.
type Asterisk struct {
	ARI ARI
	// FeaturesContext is where the generated dialplan puts the feature codes.
	FeaturesContext string
	// PhoneContext is the context in which people's extensions can be dialled.
	PhoneContext string
}

// ARI is the Asterisk REST interface.
type ARI struct {
	URL      string // http or https, without a slash at its end
	Username string
	Password Secret
	App      string // the name of our Stasis application
	// CAFile holds the authorities trusted for an https URL. Empty: the system's.
	CAFile string
}

// NATS says where state is published and commands are taken. An empty URL means the embedded server.
type NATS struct {
	// URL names one server, or several separated by commas.
	URL string
	// At most one of CredentialsFile, User with Password, and NKeySeed is given.
	CredentialsFile string
	User            string
	Password        Secret
	NKeySeed        Secret
	TLS             ClientTLS

	Embedded EmbeddedNATS
}

// EmbeddedNATS is the NATS server inside the daemon.
type EmbeddedNATS struct {
	Listen   string // host:port
	StoreDir string
	TLS      ServerTLS
	// Users are in the order of their names. They also say what nats-permissions prints for an external server.
	Users []NATSUser
}

// NATSUser is a program that connects to NATS.
type NATSUser struct {
	Name         string
	PasswordHash Secret // bcrypt
	ActsAs       ActsAs
}

// ActsAs says on whose behalf a program may give commands.
type ActsAs struct {
	Anyone bool
	People []supervision.PersonID // sorted
}

// Allows tells whether commands may be given for p.
func (a ActsAs) Allows(p supervision.PersonID) bool {
	return a.Anyone || slices.Contains(a.People, p)
}

// HTTP is the API and the attendant console.
type HTTP struct {
	Listen string // host:port
	TLS    ServerTLS
	Tokens []Token // in the order of their names
	// OIDC is nil where people log in with their password only.
	OIDC *OIDC
	// PushServices are the origins of the only push services that browsers are told through. None: all at public addresses.
	PushServices []string
}

// Token is a bearer token of the HTTP API.
type Token struct {
	Name   string
	Hash   Secret // bcrypt
	ActsAs ActsAs // never nobody
}

// OIDC is an OpenID Connect provider that people may log in with.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret Secret
	Claim        string // the claim whose value is the person's id
}

// SIP is the event server for desk phones.
type SIP struct {
	// Listen is empty if there is no sip section: then there is no event server.
	Listen []Listener
	TLS    ServerTLS
	// PBXURI is where calls to us are redirected to.
	PBXURI string
	// Realm is the realm of digest authentication, and part of every HA1.
	Realm string
	// List says what becomes of a person who logged out in the resource list of a group.
	List ListStyle
}

// Listener is an address that SIP is served on.
type Listener struct {
	Network string // udp, tcp or tls
	Address string // host:port
}

// ListStyle says whether a group's resource list keeps a line for who is logged out.
type ListStyle string

const (
	ListFixed   ListStyle = "fixed"   // the line goes dark
	ListCompact ListStyle = "compact" // the line vanishes
)

// ClientTLS is for connections that we make. All of it is optional; CertFile and KeyFile come together.
type ClientTLS struct {
	CAFile, CertFile, KeyFile string
}

// ServerTLS is for connections that we accept. Both files are given, or none: then there is no TLS.
type ServerTLS struct {
	CertFile, KeyFile string
}

// Features are the codes that are dialled on a phone. All are given and none can be taken for another.
type Features struct {
	Pickup           string
	PickupGroup      string
	Join             string
	Leave            string
	Toggle           string
	CancelForwarding string
	WhenDown         WhenDown
}

// WhenDown says what the pickup codes do on the PBX while the daemon is away (rule P8).
type WhenDown string

const (
	Refuse       WhenDown = "refuse"        // a tone
	PickupGroups WhenDown = "pickup_groups" // the PBX's own pickup groups
)

// Pickup bounds an attempt to pick up a call.
type Pickup struct {
	Timeout time.Duration
}

// History says how long and how much is kept; whichever is reached first.
type History struct {
	Keep     time.Duration
	MaxBytes int64
}

// Limits are those of rule G12. The Directory keeps them.
type Limits struct {
	PeoplePerGroup      int
	GroupsPerSupervisor int
}

// Log says how much is logged, and how.
type Log struct {
	Level  slog.Level
	Format LogFormat
}

// LogFormat is the form of a log line.
type LogFormat string

const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)
