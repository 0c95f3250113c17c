package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cached/internal/acl"
	"cached/internal/host"
)

// load reads the users of the configuration: its own lines or the aclfile.
func (us *Users) load() error {
	path, lines := us.cfg.Value("aclfile").String(), us.cfg.Lines("user")
	us.cfg.Provide("user", us.userLines)
	if path == "" {
		return us.setUsers(lines)
	}
	if len(lines) > 0 {
		return errors.New("users are configured in the configuration and in an aclfile: only one of the two can be used")
	}
	users, err := us.readACLFile(path)
	if err != nil {
		return fmt.Errorf("Aborting Redis startup because of ACL errors: %w", err)
	}
	us.accounts.replace(users)
	return nil
}

// setUsers creates the users of the configuration's lines, each without earlier permissions: the default user too
// loses those that are not in a line.
func (us *Users) setUsers(lines [][]string) error {
	seen := map[string]bool{}
	for _, words := range lines {
		name, rules := words[0], words[1:]
		if seen[name] {
			return fmt.Errorf("Error in user declaration '%s': Duplicate user found. A user can only be defined once in config files", name)
		}
		if !validUserName(name) {
			return errors.New("Spaces not allowed in ACL usernames")
		}
		seen[name] = true
		if name == "default" {
			rules = append([]string{"reset"}, rules...)
		}
		a, err := us.accounts.set(name, rules, us.channelsByDefault())
		var bad *acl.RuleError
		if errors.As(err, &bad) {
			return fmt.Errorf("Error loading ACL rule '%s' for the user named '%s': %w", bad.Rule, name, err)
		}
		if err != nil {
			return fmt.Errorf("Error in user declaration '%s': %w", name, err)
		}
		if !a.user.Load().Enabled {
			us.log.Info("The user '" + name + "' is disabled (there is no 'on' modifier in the user description). " +
				"Make sure this is not a configuration error.")
		}
	}
	return nil
}

// validUserName reports whether a user may have a name.
func validUserName(name string) bool { return !strings.ContainsAny(name, " \t\n\v\f\r\x00") }

// userLines are the users as CONFIG REWRITE writes them; those of an aclfile are
// not its business.
func (us *Users) userLines() (lines []string) {
	if us.cfg.Value("aclfile").String() != "" {
		return nil
	}
	for _, a := range us.accounts.sorted() {
		lines = append(lines, a.name+" "+a.user.Load().String())
	}
	return lines
}

// readACLFile reads all users of a file, or returns the errors with their lines.
func (us *Users) readACLFile(path string) (map[string]*acl.User, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("Error loading ACLs, opening file '%s': %s", path, host.Reason(err))
	}
	users := make(map[string]*acl.User)
	var bad strings.Builder
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.Trim(line, " \t\r\n"); line == "" || line[0] == '#' {
			continue
		}
		words := strings.Split(line, " ")
		switch {
		case words[0] != "user" || len(words) < 2:
			fmt.Fprintf(&bad, "%s:%d should start with user keyword followed by the username. ", path, i+1)
		case !validUserName(words[1]):
			fmt.Fprintf(&bad, "'%s:%d: username '%s' contains invalid characters. ", path, i+1, words[1])
		case users[words[1]] != nil:
			fmt.Fprintf(&bad, "WARNING: Duplicate user '%s' found on line %d. ", words[1], i+1)
		default:
			u := acl.New(words[1], us.accounts.catalog, us.channelsByDefault())
			u, wrong := u.ApplyAll(us.accounts.catalog, words[2:], us.channelsByDefault())
			users[words[1]] = u
			told := false
			for _, err := range wrong {
				// Other errors may be consequences of an earlier one.
				if unknown := errors.Is(err, acl.ErrUnknown); unknown || !told {
					fmt.Fprintf(&bad, "%s:%d: %s", path, i+1, lineFault(err))
					told = told || !unknown
				}
			}
		}
	}
	if bad.Len() > 0 {
		return nil, errors.New(bad.String() + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed")
	}
	return users, nil
}

// lineFault is the text for a rule of an aclfile that cannot be applied.
func lineFault(err error) string {
	var unmatched *acl.UnmatchedError
	if errors.As(err, &unmatched) {
		return "Unmatched parenthesis in selector definition."
	}
	var bad *acl.RuleError
	if errors.As(err, &bad) && errors.Is(err, acl.ErrUnknown) {
		return "Error in applying operation '" + bad.Rule + "': " + err.Error() + ". "
	}
	return err.Error() + ". "
}

// writeACLFile replaces the file by one with the present users, whole or not at
// all.
func (us *Users) writeACLFile(path string) error {
	var b strings.Builder
	for _, a := range us.accounts.sorted() {
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
