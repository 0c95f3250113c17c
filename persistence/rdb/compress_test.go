package rdb

import (
	"bytes"
	"strings"
	"testing"

	"cached/engine"
	"cached/engine/table"
)

// What is compressed later is what would have been compressed at once.
func TestCompressingLaterGivesTheSameBytes(t *testing.T) {
	compressed := 0
	for name, b := range files(t) {
		e, _, err := load(b, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var tx engine.Tx
		tx.Begin(e, 0, testNowMS)
		tx.LockAll()
		for _, long := range []string{"r", "rr", strings.Repeat("r", 63), strings.Repeat("r", 64), strings.Repeat("r", 20000)} {
			tx.SetString([]byte("long"+long), []byte(long), 0)
		}
		now, later := Encoder{Compress: true}, Encoder{Compress: true, Later: true}
		aside := later
		for db := range e.Databases() {
			tx.DB = db
			n := 0
			tx.Each(func(it table.Item) bool {
				now.KeyValue(it, NoAccess, testNowMS)
				if n++; n%3 == 0 { // beside the others, and put behind them
					aside.KeyValue(it, NoAccess, testNowMS)
				} else {
					later.KeyValue(it, NoAccess, testNowMS)
				}
				later.AppendAll(&aside)
				aside.B = aside.B[:0]
				return true
			})
		}
		tx.Unlock()
		var c Compressor
		compressed += len(later.Noted)
		for range 2 { // its buffers are used again
			if got := c.Places(bytes.Clone(later.B), later.Noted); !bytes.Equal(got, now.B) {
				t.Errorf("%s: %d bytes, want %d", name, len(got), len(now.B))
			}
		}
	}
	if compressed == 0 {
		t.Error("nothing was noted")
	}
}

// Many strings that do not get shorter have fewer of them tried, until one does.
func TestStringsThatGetShorterAreFoundAmongOthers(t *testing.T) {
	var c Compressor
	random, repeats := make([]byte, 64), bytes.Repeat([]byte("a"), 64)
	places := func(texts ...[]byte) int {
		e := Encoder{Compress: true, Later: true}
		for _, text := range texts {
			e.String(text)
		}
		return len(c.Places(e.B, e.Noted))
	}
	for i := range 2 * failedMany {
		for j := range random {
			random[j] = byte((i*64 + j) * 2654435761 >> 13)
		}
		if n := places(random); n < len(random) {
			t.Fatalf("noise got as short as %d bytes", n)
		}
	}
	var all [][]byte
	for range triedOf {
		all = append(all, repeats)
	}
	places(all...)
	if n := places(all...); n > triedOf*len(repeats)/2 {
		t.Errorf("%d strings of %d bytes take %d", triedOf, len(repeats), n)
	}
}
