package acl

import (
	"encoding/hex"
	"strings"
)

// A Description is a user as ACL GETUSER replies.
type Description struct {
	Flags     []string
	Passwords []string // hashes in hexadecimal
	Selectors []Permissions
}

// Permissions are one selector; the first is the user's own.
type Permissions struct{ Commands, Keys, Channels string }

// Describe returns the user's description.
func (u *User) Describe() (d Description) {
	d.Flags = append(d.Flags, onOff(u.Enabled))
	if u.NoPass {
		d.Flags = append(d.Flags, "nopass")
	}
	if u.trusted {
		d.Flags = append(d.Flags, "skip-sanitize-payload")
	} else {
		d.Flags = append(d.Flags, "sanitize-payload")
	}
	for _, p := range u.passwords {
		d.Passwords = append(d.Passwords, hex.EncodeToString(p[:]))
	}
	for i := range u.selectors {
		s := &u.selectors[i]
		d.Selectors = append(d.Selectors, Permissions{
			Commands: strings.Join(s.rules, " "), Keys: s.describeKeys(), Channels: s.describeChannels(),
		})
	}
	return d
}

// String returns the rules that make the user, without the name: the text after "user NAME" in ACL LIST and in
// files.
func (u *User) String() string {
	d := u.Describe()
	words := d.Flags
	for _, p := range d.Passwords {
		words = append(words, "#"+p)
	}
	for i := range u.selectors {
		text := u.selectors[i].String()
		if i > 0 {
			text = "(" + text + ")"
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

func (s *selector) String() string {
	var words []string
	if keys := s.describeKeys(); keys != "" {
		words = append(words, keys)
	}
	if !s.allChannels {
		words = append(words, "resetchannels")
	}
	if channels := s.describeChannels(); channels != "" {
		words = append(words, channels)
	}
	return strings.Join(append(words, s.rules...), " ")
}

func (s *selector) describeKeys() string {
	if s.allKeys {
		return "~*"
	}
	words := make([]string, 0, len(s.keys))
	for _, k := range s.keys {
		sign := "~"
		switch {
		case !k.write:
			sign = "%R~"
		case !k.read:
			sign = "%W~"
		}
		words = append(words, sign+k.pattern)
	}
	return strings.Join(words, " ")
}

func (s *selector) describeChannels() string {
	if s.allChannels {
		return "&*"
	}
	words := make([]string, 0, len(s.channels))
	for _, c := range s.channels {
		words = append(words, "&"+c)
	}
	return strings.Join(words, " ")
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
