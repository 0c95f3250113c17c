package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cached/internal/acl"
)

// loadUsers reads the users of the configuration: its own lines or the aclfile.
func (s *Server) loadUsers() error {
	path, lines := s.cfg.Value("aclfile").String(), s.cfg.Lines("user")
	s.cfg.Provide("user", s.userLines)
	if path == "" {
		for _, words := range lines {
			if _, err := s.accounts.set(words[0], words[1:], s.channelsByDefault()); err != nil {
				return fmt.Errorf("user %s in the configuration: %w", words[0], err)
			}
		}
		return nil
	}
	if len(lines) > 0 {
		return errors.New("users are configured in the configuration and in an aclfile: only one of the two can be used")
	}
	users, err := s.readACLFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("aclfile: %w", err)
	}
	if err != nil {
		return err
	}
	s.accounts.replace(users)
	return nil
}

// userLines are the users as CONFIG REWRITE writes them; those of an aclfile are
// not its business.
func (s *Server) userLines() (lines []string) {
	if s.cfg.Value("aclfile").String() != "" {
		return nil
	}
	for _, a := range s.accounts.sorted() {
		lines = append(lines, a.name+" "+a.user.Load().String())
	}
	return lines
}

// readACLFile reads all users of a file, or says what is wrong in which lines.
func (s *Server) readACLFile(path string) (map[string]*acl.User, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	users := make(map[string]*acl.User)
	var bad strings.Builder
	for i, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		fail := func(format string, args ...any) {
			fmt.Fprintf(&bad, "%s:%d: %s. ", path, i+1, fmt.Sprintf(format, args...))
		}
		switch {
		case words[0] != "user" || len(words) < 2:
			fail("line should start with user keyword followed by the username")
		case users[words[1]] != nil:
			fail("WARNING: duplicate user '%s' found", words[1])
		default:
			u := acl.New(words[1], s.accounts.catalog, s.channelsByDefault())
			if u, err = u.Apply(s.accounts.catalog, words[2:], s.channelsByDefault()); err != nil {
				fail("%v", err)
				continue
			}
			users[words[1]] = u
		}
	}
	if bad.Len() > 0 {
		return nil, errors.New(bad.String() + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed")
	}
	return users, nil
}

// writeACLFile replaces the file by one with the present users, whole or not at
// all.
func (s *Server) writeACLFile(path string) error {
	var b strings.Builder
	for _, a := range s.accounts.sorted() {
		fmt.Fprintf(&b, "user %s %s\n", a.name, a.user.Load())
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(b.String())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
