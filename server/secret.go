package server

import (
	"strings"

	"cached/commands"
)

// isSecret reports whether an argument is, or may be, a password.
func (s *Road) isSecret(spec *commands.Spec, argv [][]byte, i int) bool {
	switch spec.Name {
	case "auth":
		return i > 0
	case "setuser":
		return i > 1
	case "set":
		return spec.FullName() == "config|set" && i > 2 && i%2 == 1 && s.cfg.Secret(strings.ToLower(string(argv[i-1])))
	case "hello", "migrate":
		for j := 1; j < i; j++ {
			if w := strings.ToLower(string(argv[j])); w == "auth" && i <= j+2 || w == "auth2" && i <= j+2 {
				return true
			}
		}
	}
	return false
}
