package acl

import "strings"

// A Catalog describes the commands for this package. It is filled before its first use and does not change
// afterwards.
type Catalog struct {
	numbers  map[string][]int // of a command and its subcommands, by full name
	subs     map[string]bool  // commands that have subcommands
	category map[string]set
	size     int
}

// NewCatalog returns a catalog for commands with numbers below size, with the
// names of the categories.
func NewCatalog(size int, categories []string) *Catalog {
	c := &Catalog{numbers: make(map[string][]int), subs: make(map[string]bool), category: make(map[string]set), size: size}
	for _, name := range categories {
		c.category[name] = newSet(size)
	}
	return c
}

// Add adds a command or a subcommand ("config|get"), which comes after its
// command.
func (c *Catalog) Add(name string, number int, categories []string) {
	c.numbers[name] = append(c.numbers[name], number)
	if parent, _, is := strings.Cut(name, "|"); is {
		c.numbers[parent] = append(c.numbers[parent], number)
		c.subs[parent] = true
	}
	for _, cat := range categories {
		c.category[cat].add(number)
	}
}

// A set has a bit for each command.
type set []uint64

func newSet(size int) set { return make(set, (size+63)/64) }

func (s set) add(i int)      { s[i>>6] |= 1 << (i & 63) }
func (s set) remove(i int)   { s[i>>6] &^= 1 << (i & 63) }
func (s set) has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

func (s set) fill(size int) {
	for i := range size {
		s.add(i)
	}
}
