package main

import (
	"fmt"
)

// memory measures the memory of a key beyond the bytes of key and value.
func (b *bench) memory() error {
	n := b.small(1_000_000, 200_000)
	shapes := []struct {
		name       string
		key, value int
		ttl        int
	}{
		{"16+8", 16, 8, 0}, {"16+64", 16, 64, 0}, {"16+64 with TTL", 16, 64, 100_000},
		{"24+256", 24, 256, 0}, {"24+1024", 24, 1024, 0},
	}
	head := []string{"key+value bytes"}
	for _, p := range b.peers {
		head = append(head, p.name+" beyond", p.name+" RSS/key")
	}
	t := newTable(append(head, "cached to redis")...)
	for _, shape := range shapes {
		row := []string{shape.name}
		var beyond []float64
		for _, p := range b.peers {
			b.note("memory: %s, %s", shape.name, p.name)
			s, err := b.start(p)
			if err != nil {
				return err
			}
			empty := s.rss()
			if err := loadStrings(s, n, shape.key, shape.value, shape.ttl); err != nil {
				s.stop()
				return fmt.Errorf("%s: %w", p.name, err)
			}
			full := s.rss()
			s.stop()
			each := (full-empty)/float64(n) - float64(shape.key+shape.value)
			beyond = append(beyond, each)
			row = append(row, oneDigit(each), oneDigit(full/float64(n)))
		}
		t.add(append(row, ratio(beyond[0], beyond[1]))...)
	}
	b.section("Memory of strings", t, fmt.Sprintf(
		"Bytes per key at %d keys: resident memory beyond the empty server's, key and value; and the whole resident memory.", n))
	return nil
}
