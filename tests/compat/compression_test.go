package compat

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cached/internal/script"
)

// Whether values are compressed is nothing that a client sees, whatever it does with
// them: read parts, write parts, count bits, sort by them.
func TestCompressionIsNotSeen(t *testing.T) {
	if *groupsFlag != "" && !slices.Contains(strings.Split(*groupsFlag, ","), "compressed") {
		return // others were asked for
	}
	ref := older.process(t)
	for _, mode := range []string{"s2", "zstd"} {
		t.Run(mode, func(t *testing.T) {
			sub := startOwn(t, subjectBin, "--value-compression", mode, "--value-compression-min-size", "0")
			var from []grammar
			for _, g := range sharedGrammar(t, sub, ref) {
				if slices.Contains([]string{"string", "bitmap", "hyperloglog", "generic"}, g.group) && !isExcluded(g.name) {
					from = append(from, g)
					if g.name == "set" || g.name == "mset" || g.name == "setex" { // or little would be compressed
						from = append(from, g, g, g, g, g)
					}
				}
			}
			seed := *seedFlag
			if seed == 0 {
				seed = time.Now().UnixNano() % 1_000_000_000
			}
			t.Logf("-groups compressed -seed %d -calls %d", seed, *callsFlag)
			c := newCaller(seed)
			c.long = true
			d := duel{t: t, oracle: older, sub: sub, ref: ref, errorf: t.Errorf}
			d.run(c, from, *callsFlag)
			t.Logf("%d of %d calls were refused", d.refused, *callsFlag)
			if compressionInfo(t, dial(t, sub), "bytes_in") == "0" {
				t.Error("nothing was compressed")
			}
		})
	}
}

// compressionInfo is a field of INFO.
func compressionInfo(t *testing.T, w *wire, name string) string {
	t.Helper()
	found := regexp.MustCompile(`value_compression_` + name + `:(\d+)`).FindStringSubmatch(w.do(t, "INFO", "memory"))
	if found == nil {
		t.Fatalf("INFO does not say value_compression_%s", name)
	}
	return found[1]
}

// A value compressed with a dictionary that is no longer current reads the same, before and after it was
// compressed again, and a snapshot has the uncompressed string.
func TestCompressedValuesOutliveTheirDictionaries(t *testing.T) {
	sub := startOwn(t, subjectBin, "--value-compression", "zstd", "--value-compression-min-size", "0")
	w := dial(t, sub)
	order := func(i int) string {
		return fmt.Sprintf(`{"kind":"order","number":%d,"customer":{"id":%d,"country":"de"},"currency":"EUR","lines":[{"sku":"%08x","quantity":%d}]}`,
			i*7919, i*104729%9973, i*2654435761, i%9)
	}
	entry := func(i int) string {
		return fmt.Sprintf("2026-11-%02dT%02d:00:00Z [warning] upstream %d.%d.%d.1 timed out while reading response header from peer %d",
			i%28+1, i%24, i%255, i%191, i%97, i*104729%99991)
	}
	const n = 400
	for i := range n {
		w.do(t, "SET", fmt.Sprint("k:", i), order(i))
	}
	dictionaries := func() string { return compressionInfo(t, w, "dictionaries") }
	check := func() {
		t.Helper()
		for i := range n {
			if got, want := w.do(t, "GET", fmt.Sprint("k:", i)), script.Quote([]byte(order(i))); got != want {
				t.Fatalf("k:%d is %s, want %s", i, got, want)
			}
		}
	}
	await := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(replyTime); !done(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("never: ", what)
			}
		}
	}
	await("a dictionary", func() bool { return dictionaries() == "1" })
	check()
	for i := range n { // now with it
		w.do(t, "SET", fmt.Sprint("k:", i), order(i))
	}
	// Other values under the same prefix, until they have a dictionary of their own.
	i := 0
	await("the second dictionary alone", func() bool {
		for range 500 {
			w.do(t, "SET", fmt.Sprint("k:e", i%1000), entry(i))
			i++
		}
		return compressionInfo(t, w, "dictionaries_trained") == "2" && dictionaries() == "1"
	})
	check()
	if w.do(t, "DEBUG", "RELOAD"); dictionaries() == "0" {
		t.Error("the dictionary is gone")
	}
	check()
}
