package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kind says how the text of a directive is read.
type Kind uint8

// The kinds of directives.
const (
	String Kind = iota
	Bool        // yes or no
	Int         // a whole number in decimal
	Memory      // bytes, with an optional unit: 100mb, 1k
	Enum        // one of Param.Enum, in any case
	Octal       // permission bits
	Words       // a list, read by Param.Words
	Lines       // only in files: every line is kept as it is, CONFIG GET does not show it
)

// Flag is a set of properties of a directive.
type Flag uint16

// The properties of directives.
const (
	Immutable Flag = 1 << iota // CONFIG SET refuses
	Protected                  // CONFIG SET refuses unless enable-protected-configs allows it
	Secret                     // never logged nor shown in an error
	Ignored                    // accepted, without effect here
	Hidden                     // CONFIG GET shows it only by its full name
	Percent                    // a Memory that may be a share of the whole: 50%
	Volatile                   // names a file: setting it to the same name reads the file again
	Quoted                     // REWRITE puts the value in quotes; implied by String
)

// A Param is everything known about one directive.
type Param struct {
	Name    string
	Alias   string   // another name for the same value, or empty
	Also    []string // further names, which patterns of CONFIG GET do not find
	Kind    Kind
	Default string // as a file would have it
	Flags   Flag
	Doc     string // its effect, in one line, for docs/configuration.md

	Min, Max int64 // inclusive; both zero means whatever the kind can hold
	Enum     []string
	Same     map[string]string // other words that an Enum takes for its own

	// Args is how many words a Lines directive takes, at least and at most; a
	// second number of zero means any more.
	Args [2]int

	// Canon checks a value that its kind has accepted and returns it as it is
	// to be kept. Nil keeps it.
	Canon func(string) (string, error)
	// Words reads the words of a Words directive, given the value it replaces,
	// and returns the new value.
	Words func(old string, words []string) (string, error)
	// Fresh makes the first line of a load, and CONFIG SET, start from an empty value instead of the present one;
	// the lines after it add to it.
	Fresh bool
	// Undo reverts effects of Canon or Words other than the returned value, when another directive of the same
	// CONFIG SET is refused.
	Undo func(old string)
	// Rewrite returns the texts that REWRITE writes after the name, one per line. Nil is one line with the value.
	Rewrite func(value string) []string
}

// Has reports whether all flags of f are set.
func (p *Param) Has(f Flag) bool { return p.Flags&f == f }

var (
	errBool    = errors.New("argument must be 'yes' or 'no'")
	errInt     = errors.New("argument couldn't be parsed into an integer")
	errOctal   = errors.New("argument couldn't be parsed as an octal number")
	errMemory  = errors.New("argument must be a memory value")
	errPercent = errors.New("argument must be a memory or percent value")
	errShare   = errors.New("percentage argument must be less or equal to 100")
	errArgs    = errors.New("wrong number of arguments")
	errLine    = errors.New("Bad directive or wrong number of arguments")
)

// state is one value in every form it is read in. It does not change.
type state struct {
	text  string
	n     int64 // a percentage is kept negative
	yes   bool
	words []string
}

// parse reads the words a file or CONFIG SET gave for p, which had the value old.
func (p *Param) parse(old string, words []string) (*state, error) {
	if p.Kind == Words {
		// A list may come as one quoted word, as it does from CONFIG SET.
		if len(words) == 1 {
			words = split(words[0])
		}
		text, err := p.Words(old, words)
		if err != nil {
			return nil, err
		}
		return &state{text: text, words: split(text)}, nil
	}
	if len(words) != 1 {
		return nil, errArgs
	}
	s, err := p.scalar(words[0])
	if err != nil || p.Canon == nil {
		return s, err
	}
	text, err := p.Canon(s.text)
	if err != nil {
		return nil, err
	}
	if text == s.text {
		return s, nil
	}
	return p.scalar(text)
}

func (p *Param) scalar(text string) (*state, error) {
	switch p.Kind {
	case Bool:
		yes := strings.EqualFold(text, "yes")
		if !yes && !strings.EqualFold(text, "no") {
			return nil, errBool
		}
		return &state{text: strings.ToLower(text), yes: yes}, nil
	case Enum:
		if word, ok := p.Same[strings.ToLower(text)]; ok {
			text = word
		}
		for i, name := range p.Enum {
			if strings.EqualFold(text, name) {
				return &state{text: name, n: int64(i), yes: name == "yes"}, nil
			}
		}
		return nil, ErrOneOf(p.Enum)
	case Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != text {
			return nil, errInt
		}
		return p.ranged(n, 10)
	case Octal:
		if text == "" {
			text = "0"
		}
		n, err := strconv.ParseInt(text, 8, 64)
		if err != nil || text[0] == '+' {
			return nil, errOctal
		}
		return p.ranged(n, 8)
	case Memory:
		return p.memory(text)
	}
	return &state{text: text, words: split(text)}, nil
}

func (p *Param) memory(text string) (*state, error) {
	if share, ok := strings.CutSuffix(text, "%"); ok && p.Has(Percent) {
		n, err := strconv.ParseInt(share, 10, 64)
		switch {
		case err != nil, n < 0, strconv.FormatInt(n, 10) != share:
			return nil, errPercent
		case n > 100:
			return nil, errShare
		case n == 0:
			return &state{text: "0"}, nil
		}
		return &state{text: text, n: -n}, nil
	}
	n, err := ParseMemory(text)
	if err != nil {
		if p.Has(Percent) && p.Name != "maxmemory" {
			return nil, errPercent
		}
		return nil, err
	}
	return p.ranged(n, 10)
}

func (p *Param) ranged(n int64, base int) (*state, error) {
	lo, hi := p.Min, p.Max
	if lo == 0 && hi == 0 {
		lo, hi = math.MinInt64, math.MaxInt64
	}
	if n < lo || n > hi {
		return nil, fmt.Errorf("argument must be between %s and %s inclusive",
			strconv.FormatInt(lo, base), strconv.FormatInt(hi, base))
	}
	return &state{text: strconv.FormatInt(n, base), n: n}, nil
}

// ErrOneOf is the error for a word that is none of names.
func ErrOneOf(names []string) error {
	return fmt.Errorf("argument(s) must be one of the following: %s", strings.Join(names, ", "))
}

// split cuts at every single blank, as CONFIG SET does: two in a row leave an
// empty word between them. The empty text has no words.
func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

var units = []struct {
	name  string
	bytes uint64
}{
	{"gb", 1 << 30}, {"mb", 1 << 20}, {"kb", 1 << 10},
	{"g", 1e9}, {"m", 1e6}, {"k", 1e3}, {"b", 1},
}

// ParseMemory reads an amount of memory: digits, then b, k, kb, m, mb, g or gb in
// any case, or nothing. Units with a b are powers of 1024, those without of 1000.
// Redis takes a missing number as zero, and so does this.
func ParseMemory(s string) (int64, error) {
	digits, by := strings.ToLower(s), uint64(1)
	for _, u := range units {
		if d, ok := strings.CutSuffix(digits, u.name); ok {
			digits, by = d, u.bytes
			break
		}
	}
	if digits == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > math.MaxInt64/by {
		return 0, errMemory // Redis lets a number that is too large wrap around
	}
	return int64(n * by), nil
}

// FormatMemory formats n as REWRITE does: in the largest unit of 1024 that divides it, otherwise in bytes.
func FormatMemory(n int64) string {
	for _, u := range units[:3] {
		if b := int64(u.bytes); n >= b && n%b == 0 {
			return strconv.FormatInt(n/b, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
