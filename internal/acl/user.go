package acl

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"

	"cached/internal/glob"
)

// A User is a name with which clients log in, and its permissions. Users do not change.
type User struct {
	Name    string
	Enabled bool
	NoPass  bool // any password is right

	trusted   bool       // skip-sanitize-payload was said, which has no effect but to be shown
	passwords []password // without repetitions, in the order they were added
	selectors []selector // the first is the user's own
}

type password [sha256.Size]byte

// A selector is a set of permissions.
type selector struct {
	all      bool // every command, those of later versions too
	commands set
	firsts   map[int][]string // first arguments that a command is allowed with
	rules    []string         // about commands, as they are shown

	allKeys     bool
	keys        []keyPattern
	allChannels bool
	channels    []string
}

type keyPattern struct {
	pattern     string
	read, write bool
}

// New returns a user that is disabled and has no permissions.
func New(name string, catalog *Catalog, allChannels bool) *User {
	return &User{Name: name, selectors: []selector{newSelector(catalog, allChannels)}}
}

// Default returns the user of clients that did not log in: it has all permissions and needs no password.
func Default(catalog *Catalog) *User {
	u, err := New("default", catalog, true).Apply(catalog, []string{"on", "nopass", "~*", "&*", "+@all"}, true)
	if err != nil {
		panic("acl: " + err.Error())
	}
	return u
}

func newSelector(catalog *Catalog, allChannels bool) selector {
	return selector{commands: newSet(catalog.size), allChannels: allChannels, rules: []string{"-@all"}}
}

// Full reports whether nothing is forbidden to the user.
func (u *User) Full() bool {
	s := &u.selectors[0]
	return s.all && s.allKeys && s.allChannels && len(s.rules) == 1
}

// Open reports whether one is this user without logging in.
func (u *User) Open() bool { return u.Enabled && u.NoPass }

// Login reports whether a password is the user's.
func (u *User) Login(pw []byte) bool {
	sum := sha256.Sum256(pw)
	found := 0
	for i := range u.passwords {
		found |= subtle.ConstantTimeCompare(sum[:], u.passwords[i][:])
	}
	return u.Enabled && (u.NoPass || found == 1)
}

// A Reason is the reason of a refusal; if several apply, the largest is reported.
type Reason uint8

// The reasons.
const (
	Allowed Reason = iota
	DeniedCommand
	DeniedKey
	DeniedChannel
)

// A Call is a command that a client wants to run.
type Call struct {
	Number int
	// First is the argument that a rule such as +select|0 looks at, or nil.
	First    []byte
	Keys     []Key
	Channels []Channel
}

// A Key is a key of a call and the call's use of it.
type Key struct {
	Name        []byte
	Read, Write bool
}

// A Channel is a channel of a call, or a pattern of channels.
type Channel struct {
	Name    []byte
	Pattern bool
}

// Check reports whether the user may run a call, and otherwise the reason: the key or channel at index of the call
// is denied.
func (u *User) Check(c *Call) (reason Reason, index int) {
	for i := range u.selectors {
		r, at := u.selectors[i].check(c)
		if r == Allowed {
			return Allowed, 0
		}
		if r > reason || r == reason && at > index {
			reason, index = r, at
		}
	}
	return reason, index
}

func (s *selector) check(c *Call) (Reason, int) {
	if !s.commands.has(c.Number) && !slices.Contains(s.firsts[c.Number], string(lower(c.First))) {
		return DeniedCommand, 0
	}
	if !s.allKeys {
		for i, k := range c.Keys {
			if !s.allowsKey(k) {
				return DeniedKey, i
			}
		}
	}
	if !s.allChannels {
		for i, ch := range c.Channels {
			if !s.allowsChannel(ch) {
				return DeniedChannel, i
			}
		}
	}
	return Allowed, 0
}

func (s *selector) allowsKey(k Key) bool {
	for _, p := range s.keys {
		if (!k.Read || p.read) && (!k.Write || p.write) && glob.Match([]byte(p.pattern), k.Name, false) {
			return true
		}
	}
	return false
}

// allowsChannel reports whether a channel matches; a pattern must be in the list literally.
func (s *selector) allowsChannel(ch Channel) bool {
	for _, p := range s.channels {
		if ch.Pattern && p == string(ch.Name) || !ch.Pattern && glob.Match([]byte(p), ch.Name, false) {
			return true
		}
	}
	return false
}

// ReadsAllKeys reports whether one of the user's selectors may read any key.
func (u *User) ReadsAllKeys() bool {
	for i := range u.selectors {
		if s := &u.selectors[i]; s.allKeys || slices.Contains(s.keys, keyPattern{pattern: "*", read: true}) {
			return true
		}
	}
	return false
}

// MayListen reports whether the user may stay subscribed to a channel.
func (u *User) MayListen(ch Channel) bool {
	for i := range u.selectors {
		if s := &u.selectors[i]; s.allChannels || s.allowsChannel(ch) {
			return true
		}
	}
	return false
}

func lower(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}
