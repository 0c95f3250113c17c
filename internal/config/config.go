package config

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cached/internal/glob"
)

// A Pair is a directive and its value, as CONFIG GET shows it and SET takes it.
type Pair struct{ Name, Value string }

// A Value is the current value of one directive. Reading it takes no lock, so the
// hot path may keep the pointer.
type Value struct {
	param *Param
	now   atomic.Pointer[state]

	// The following fields are guarded by Config.mu.
	initial string
	lines   [][]string // of a Lines directive
	given   bool       // by a file or the command line
	started bool       // see Param.Fresh
	hooks   []func(*Value) error
	provide func() []string // see Provide
}

// Param returns the row of the directive.
func (v *Value) Param() *Param { return v.param }

// String returns the value as CONFIG GET shows it.
func (v *Value) String() string { return v.now.Load().text }

// Int returns the value as a number: bytes for a Memory, the position in
// Param.Enum for an Enum. A share of memory is its negative percentage.
func (v *Value) Int() int64 { return v.now.Load().n }

// Bytes returns an amount of memory, a share of it being taken of total.
func (v *Value) Bytes(total int64) int64 {
	n := v.now.Load().n
	if n < 0 {
		return total/100*-n + total%100*-n/100
	}
	return n
}

// Bool returns whether the value is yes.
func (v *Value) Bool() bool { return v.now.Load().yes }

// Strings returns the words of the value, which the caller must not change.
func (v *Value) Strings() []string { return v.now.Load().words }

// Config is the settings of one server.
type Config struct {
	// Files is where configuration files are; New sets it to the system's.
	Files Files

	values map[string]*Value // by name and by alias
	names  []string          // the keys of values, sorted
	rows   []*Value          // in the order of the rows

	mu   sync.Mutex // guards changes of values, and path
	path string     // of the file REWRITE writes, or empty
}

// New returns settings at their defaults. A name that comes twice, or a default
// that its own row refuses, is an error.
func New(rows ...[]Param) (*Config, error) {
	c := &Config{Files: osFiles{}, values: map[string]*Value{}}
	for _, group := range rows {
		for i := range group {
			if err := c.add(&group[i]); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(c.names)
	return c, nil
}

func (c *Config) add(p *Param) error {
	v := &Value{param: p}
	v.now.Store(&state{})
	for _, name := range []string{p.Name, p.Alias} {
		if name == "" && p.Name != "" {
			continue
		}
		if name == "" || name != strings.ToLower(name) || c.values[name] != nil {
			return fmt.Errorf("directive %q is empty, not in lower case or declared twice", name)
		}
		c.values[name] = v
		c.names = append(c.names, name)
	}
	for _, name := range p.Also {
		if c.values[name] != nil {
			return fmt.Errorf("directive %q is declared twice", name)
		}
		c.values[name] = v
	}
	if p.Kind == Words && p.Words == nil || p.Kind == Enum && len(p.Enum) == 0 {
		return fmt.Errorf("directive %q: the row is not complete", p.Name)
	}
	if p.Kind != Lines {
		s, err := p.parse("", []string{p.Default})
		if err != nil {
			return fmt.Errorf("default of directive %q: %w", p.Name, err)
		}
		v.now.Store(s)
		v.initial = s.text
	}
	c.rows = append(c.rows, v)
	return nil
}

// Value returns the value of a directive. A name that no row has is a mistake of
// the program and panics.
func (c *Config) Value(name string) *Value {
	v := c.values[name]
	if v == nil {
		panic("config: no directive " + name)
	}
	return v
}

// Secret reports whether the directive of a name, in lower case, holds a secret, which must not
// be logged nor shown in an error.
func (c *Config) Secret(name string) bool {
	v := c.values[name]
	return v != nil && v.param.Has(Secret)
}

// Lines returns the words of every line a Lines directive was given.
func (c *Config) Lines(name string) [][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.Value(name).lines)
}

// Path returns the configuration file, or "".
func (c *Config) Path() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.path
}

// OnChange has apply called whenever CONFIG SET has changed the directive. An
// error from it takes back the whole CONFIG SET; hooks that had already run are
// then called again, with the values of before.
func (c *Config) OnChange(name string, apply func(*Value) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.Value(name)
	v.hooks = append(v.hooks, apply)
}

// Provide sets the function whose lines REWRITE writes for a Lines directive, in place of those of the file: the
// text after the name, one string a line.
func (c *Config) Provide(name string, lines func() []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Value(name).provide = lines
}

// Get returns the directives that match any of the patterns, each name once, in the order of the names. A pattern
// without * ? or [ is a name: it is returned as it was written, and finds directives that patterns do not.
func (c *Config) Get(patterns ...string) []Pair {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := map[string]string{}
	for _, p := range patterns {
		if !strings.ContainsAny(p, "*?[") {
			name := strings.ToLower(p)
			if v := c.values[name]; v != nil && v.param.Kind != Lines && found[name] == "" {
				found[name] = p
			}
			continue
		}
		for _, name := range c.names {
			v := c.values[name]
			if v.param.Kind != Lines && !v.param.Has(Hidden) && glob.Match([]byte(p), []byte(name), true) {
				if found[name] == "" {
					found[name] = name
				}
			}
		}
	}
	pairs := make([]Pair, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		pairs = append(pairs, Pair{found[name], c.values[name].String()})
	}
	return pairs
}

// Ignored returns the directives that were given by a file or the command line
// though they have no effect. One that was given its default asks for nothing.
func (c *Config) Ignored() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, v := range c.rows {
		if v.given && v.param.Has(Ignored) && v.String() != v.param.Default {
			names = append(names, v.param.Name)
		}
	}
	return names
}

// LogIgnored logs the result of Ignored, when the server starts.
func (c *Config) LogIgnored(log *slog.Logger) {
	if names := c.Ignored(); len(names) > 0 {
		log.Warn("settings without effect", "directives", strings.Join(names, " "))
	}
}

// Put makes text the value of a directive, for a command that changes it, whatever CONFIG SET may.
// Hooks are not called.
func (c *Config) Put(name, text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.Value(name)
	s, err := v.param.parse("", []string{text})
	if err == nil {
		v.now.Store(s)
	}
	return err
}

var (
	errImmutable = errors.New("can't set immutable config")
	errProtected = errors.New("can't set protected config")
	errDuplicate = errors.New("duplicate parameter")
)

type change struct {
	name     string
	value    *Value
	old, new *state
}

// Set changes several directives, or none and returns an error with the text of
// the reply. local says that the caller is on this machine, which
// enable-protected-configs may ask for.
func (c *Config) Set(pairs []Pair, local bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	changes := make([]change, 0, len(pairs))
	for _, p := range pairs {
		name := strings.ToLower(p.Name)
		v := c.values[name]
		if v == nil || v.param.Kind == Lines {
			return fmt.Errorf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", p.Name)
		}
		if v.param.Has(Immutable) {
			return failed(name, errImmutable)
		}
		if v.param.Has(Protected) && !c.unprotected(local) {
			return failed(name, errProtected)
		}
		if slices.ContainsFunc(changes, func(o change) bool { return o.name == name }) {
			return failed(name, errDuplicate)
		}
		changes = append(changes, change{name: name, value: v})
	}
	for i := range changes {
		ch := &changes[i]
		ch.old = ch.value.now.Load()
		old := ch.old.text
		if ch.value.param.Fresh {
			old = ""
		}
		s, err := ch.value.param.parse(old, []string{pairs[i].Value})
		if err != nil {
			restore(changes[:i])
			return failed(ch.name, err)
		}
		ch.new = s
		ch.value.now.Store(s)
	}
	for i, ch := range changes {
		if err := ch.apply(); err != nil {
			restore(changes)
			for _, done := range changes[:i+1] {
				// The values of before were accepted before; there is nothing
				// to do with an error now.
				_ = done.apply()
			}
			return failed(ch.name, err)
		}
	}
	return nil
}

// apply calls the hooks of a value that has changed.
func (ch change) apply() error {
	if ch.old.text == ch.new.text && !ch.value.param.Has(Volatile) {
		return nil
	}
	for _, hook := range ch.value.hooks {
		if err := hook(ch.value); err != nil {
			return err
		}
	}
	return nil
}

// restore undoes the changes in reverse order: two names may be of one value.
func restore(changes []change) {
	for _, ch := range slices.Backward(changes) {
		ch.value.now.Store(ch.old)
		if undo := ch.value.param.Undo; undo != nil {
			undo(ch.old.text)
		}
	}
}

func (c *Config) unprotected(local bool) bool {
	v := c.values["enable-protected-configs"]
	if v == nil {
		return false
	}
	s := v.String()
	return s == "yes" || s == "local" && local
}

func failed(name string, reason error) error {
	return fmt.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - %w", name, reason)
}
