package config

import "gopkg.in/yaml.v3"

// The raw types are the file as it was written: which keys there are, and where each value stands.

type (
	texts        = list[text, *text]
	people       = entries[rawPerson, *rawPerson]
	groups       = entries[rawGroup, *rawGroup]
	endpoints    = list[rawEndpoint, *rawEndpoint]
	participants = list[rawParticipant, *rawParticipant]
	natsUsers    = entries[rawNATSUser, *rawNATSUser]
	tokens       = entries[rawToken, *rawToken]
)

type rawConfig struct {
	site       text
	asterisk   rawAsterisk
	nats       rawNATS
	http       rawHTTP
	sip        rawSIP
	people     people
	groups     groups
	features   rawFeatures
	pickup     rawPickup
	forwarding rawForwarding
	history    rawHistory
	limits     rawLimits
	log        rawLog
}

func (r *rawConfig) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"site": &r.site, "asterisk": &r.asterisk, "nats": &r.nats, "http": &r.http, "sip": &r.sip,
		"people": &r.people, "groups": &r.groups, "features": &r.features, "pickup": &r.pickup,
		"forwarding": &r.forwarding, "history": &r.history, "limits": &r.limits, "log": &r.log,
	})
}

// rawSecret is given inline, or as the name of a file by the sibling key that ends with _file.
type rawSecret struct{ inline, file text }

func (k keys) secret(name string, s *rawSecret) keys {
	k[name], k[name+"_file"] = &s.inline, &s.file
	return k
}

type rawAsterisk struct {
	ari                           rawARI
	featuresContext, phoneContext text
}

func (r *rawAsterisk) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"ari": &r.ari, "features_context": &r.featuresContext, "phone_context": &r.phoneContext,
	})
}

type rawARI struct {
	url, username, app text
	password           rawSecret
	tls                rawAuthorities
}

func (r *rawARI) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"url": &r.url, "username": &r.username, "app": &r.app, "tls": &r.tls,
	}.secret("password", &r.password))
}

// rawAuthorities is the tls section of a client that shows no certificate.
type rawAuthorities struct{ caFile text }

func (r *rawAuthorities) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"ca_file": &r.caFile})
}

type rawClientTLS struct{ caFile, certFile, keyFile text }

func (r *rawClientTLS) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"ca_file": &r.caFile, "cert_file": &r.certFile, "key_file": &r.keyFile})
}

type rawServerTLS struct{ certFile, keyFile text }

func (r *rawServerTLS) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"cert_file": &r.certFile, "key_file": &r.keyFile})
}

type rawNATS struct {
	url, credentialsFile, user text
	password, nkey             rawSecret
	tls                        rawClientTLS
	embedded                   rawEmbedded
}

func (r *rawNATS) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"url": &r.url, "credentials_file": &r.credentialsFile, "user": &r.user, "tls": &r.tls,
		"embedded": &r.embedded,
	}.secret("password", &r.password).secret("nkey", &r.nkey))
}

type rawEmbedded struct {
	listen, storeDir text
	tls              rawServerTLS
	users            natsUsers
}

func (r *rawEmbedded) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"listen": &r.listen, "store_dir": &r.storeDir, "tls": &r.tls, "users": &r.users})
}

type rawNATSUser struct {
	passwordHash rawSecret
	actsAs       texts
}

func (r *rawNATSUser) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"acts_as": &r.actsAs}.secret("password_hash", &r.passwordHash))
}

type rawHTTP struct {
	listen text
	tls    rawServerTLS
	tokens tokens
	oidc   rawOIDC
	push   rawPush
}

func (r *rawHTTP) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"listen": &r.listen, "tls": &r.tls, "tokens": &r.tokens, "oidc": &r.oidc, "push": &r.push})
}

type rawPush struct{ services texts }

func (r *rawPush) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"services": &r.services})
}

type rawToken struct {
	hash   rawSecret
	actsAs texts
}

func (r *rawToken) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"acts_as": &r.actsAs}.secret("hash", &r.hash))
}

type rawOIDC struct {
	given                   bool
	issuer, clientID, claim text
	clientSecret            rawSecret
}

func (r *rawOIDC) read(d *decoder, n *yaml.Node, at place) {
	r.given = isMapping(n)
	d.section(n, at, keys{
		"issuer": &r.issuer, "client_id": &r.clientID, "claim": &r.claim,
	}.secret("client_secret", &r.clientSecret))
}

type rawSIP struct {
	given               bool
	listen              texts
	tls                 rawServerTLS
	pbxURI, realm, list text
}

func (r *rawSIP) read(d *decoder, n *yaml.Node, at place) {
	r.given = isMapping(n)
	d.section(n, at, keys{
		"listen": &r.listen, "tls": &r.tls, "pbx_uri": &r.pbxURI, "realm": &r.realm, "list": &r.list,
	})
}

type rawPerson struct {
	name, extension, admin, language text
	endpoints                        endpoints
	unsupervised                     texts
	passwordHash                     rawSecret
	sip                              rawCredentials
}

func (r *rawPerson) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"name": &r.name, "extension": &r.extension, "endpoints": &r.endpoints,
		"unsupervised_endpoints": &r.unsupervised, "admin": &r.admin, "language": &r.language, "sip": &r.sip,
	}.secret("password_hash", &r.passwordHash))
}

// rawEndpoint is a mapping, or just the endpoint.
type rawEndpoint struct {
	endpoint, label, isDefault, autoAnswer text
}

func (r *rawEndpoint) read(d *decoder, n *yaml.Node, at place) {
	d.short(n, at, "endpoint", &r.endpoint, keys{
		"label": &r.label, "default": &r.isDefault, "auto_answer": &r.autoAnswer,
	})
}

type rawCredentials struct {
	place
	given                       bool
	username, alerts            text
	password, ha1MD5, ha1SHA256 rawSecret
}

func (r *rawCredentials) read(d *decoder, n *yaml.Node, at place) {
	r.place, r.given = at, isMapping(n)
	d.section(n, at, keys{"username": &r.username, "alerts": &r.alerts}.
		secret("password", &r.password).secret("ha1_md5", &r.ha1MD5).secret("ha1_sha256", &r.ha1SHA256))
}

type rawGroup struct {
	name, number, kind, lockLast, initially text
	supervisors, members                    participants
	calls                                   rawCalls
}

func (r *rawGroup) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"name": &r.name, "number": &r.number, "type": &r.kind, "lock_last": &r.lockLast, "initially": &r.initially,
		"supervisors": &r.supervisors, "members": &r.members, "calls": &r.calls,
	})
}

// rawParticipant is a mapping, or just the person.
type rawParticipant struct {
	person, admin, mayLeave text
}

func (r *rawParticipant) read(d *decoder, n *yaml.Node, at place) {
	d.short(n, at, "person", &r.person, keys{"admin": &r.admin, "may_leave": &r.mayLeave})
}

type rawCalls struct {
	onlyDialled, exceptCallers texts
	internal, alertAfter       text
}

func (r *rawCalls) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"only_dialled": &r.onlyDialled, "except_callers": &r.exceptCallers, "internal": &r.internal,
		"alert_after": &r.alertAfter,
	})
}

type rawFeatures struct {
	pickup, pickupGroup, join, leave, toggle, cancelForwarding, whenDown text
}

func (r *rawFeatures) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"pickup": &r.pickup, "pickup_group": &r.pickupGroup, "join": &r.join, "leave": &r.leave,
		"toggle": &r.toggle, "cancel_forwarding": &r.cancelForwarding, "when_down": &r.whenDown,
	})
}

type rawPickup struct{ timeout text }

func (r *rawPickup) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"timeout": &r.timeout})
}

type rawForwarding struct {
	families rawFamilies
	allowed  texts
	poll     text
}

func (r *rawForwarding) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"families": &r.families, "allowed_destinations": &r.allowed, "poll": &r.poll})
}

type rawFamilies struct{ always, busy, noAnswer, dnd, noAnswerSeconds text }

func (r *rawFamilies) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"always": &r.always, "busy": &r.busy, "no_answer": &r.noAnswer, "dnd": &r.dnd,
		"no_answer_seconds": &r.noAnswerSeconds,
	})
}

type rawHistory struct{ keep, maxBytes text }

func (r *rawHistory) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"keep": &r.keep, "max_bytes": &r.maxBytes})
}

type rawLimits struct{ peoplePerGroup, groupsPerSupervisor text }

func (r *rawLimits) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{
		"people_per_group": &r.peoplePerGroup, "groups_per_supervisor": &r.groupsPerSupervisor,
	})
}

type rawLog struct{ level, format text }

func (r *rawLog) read(d *decoder, n *yaml.Node, at place) {
	d.section(n, at, keys{"level": &r.level, "format": &r.format})
}
