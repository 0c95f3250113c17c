package codec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"cached/internal/invariants"
)

// doc is one of many values of a kind: JSON of some hundred bytes.
func doc(r *rand.Rand, kind string) []byte {
	var b bytes.Buffer
	if kind == "log" { // nothing like the others
		for range 2 + r.IntN(3) {
			fmt.Fprintf(&b, "%08d [warning] upstream timed out (110: Connection timed out) while reading response header\n", r.IntN(1e8))
		}
		return b.Bytes()[:150] // mostly without a repetition of its own
	}
	fmt.Fprintf(&b, `{"kind":%q,"id":%d,"name":"%x","verified":%t,"%s":[`, kind, r.Int64(), r.Uint32(), r.IntN(2) == 0, kind)
	for range 1 + r.IntN(8) {
		fmt.Fprintf(&b, `{"%s_price":%d.%02d,"currency":"EUR","quantity":%d},`, kind, r.IntN(500), r.IntN(100), r.IntN(9))
	}
	fmt.Fprintf(&b, `],"updated":"2026-%02d-%02dT00:00:00Z"}`, 1+r.IntN(12), 1+r.IntN(28))
	return b.Bytes()
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// again unpacks, and fails the test if that is not v.
func again(t *testing.T, c *Codec, p Packed, v []byte) {
	t.Helper()
	frame := []byte("left over")
	if got := c.Decode([]byte("in front "), p.Bytes, &frame); string(got) != "in front "+string(v) {
		t.Fatalf("method %d: %q became %q", p.Bytes[0], v, got)
	}
	if n := Len(p.Bytes); n != len(v) {
		t.Fatalf("method %d: %d bytes are said to be %d", p.Bytes[0], len(v), n)
	}
}

func TestValuesAreTheSameAfterwards(t *testing.T) {
	for _, mode := range []Mode{S2, Zstd} {
		c := New()
		c.Configure(mode, 1)
		for n := range 1200 { // through the forms of a frame's head
			v := bytes.Repeat([]byte("abc"), n/3+1)[:n+1]
			if p, ok := c.Encode(nil, []byte("k"), v); ok {
				again(t, c, p, v)
			} else if n > 64 && n < 1000 {
				t.Fatalf("mode %d: %d bytes are refused", mode, n)
			}
		}
		for _, n := range []int{255, 256, 257, 65535, 65536, 65791, 65792, 65793, 70000, 131072, Most} {
			v := bytes.Repeat([]byte("0123456789"), n/10+1)[:n]
			p, ok := c.Encode([]byte("x"), nil, v)
			if !ok {
				t.Fatalf("mode %d: %d bytes are refused", mode, n)
			}
			again(t, c, p, v)
		}
		if _, ok := c.Encode(nil, nil, make([]byte, Most+1)); ok {
			t.Errorf("mode %d: a value beyond the limit is packed", mode)
		}
	}
}

func TestOffPacksNothingAndStillUnpacks(t *testing.T) {
	c := New()
	v := bytes.Repeat([]byte("abc"), 100)
	if _, ok := c.Encode(nil, nil, v); ok {
		t.Error("a new codec packs")
	}
	for _, mode := range []Mode{S2, Zstd} {
		c.Configure(mode, 64)
		p, ok := c.Encode(nil, nil, v)
		if !ok {
			t.Fatal("refused")
		}
		c.Configure(Off, 64)
		again(t, c, p, v)
		if c.Wants(1 << 10) {
			t.Error("wants values though it is off")
		}
	}
}

// What does not get smaller is left alone, ever more often.
func TestNoiseIsLeftAlone(t *testing.T) {
	for _, mode := range []Mode{S2, Zstd} {
		c := New()
		c.Configure(mode, 1)
		r := random(1)
		noise := make([]byte, 500)
		for range 5000 {
			for i := range noise {
				noise[i] = byte(r.Uint32())
			}
			if _, ok := c.Encode(nil, []byte("noise:1"), noise); ok {
				t.Fatal("noise is packed")
			}
		}
		if n := c.Stats().Refused; n > 100 {
			t.Errorf("mode %d: noise was tried %d times of 5000", mode, n)
		}
		// Others are not concerned, and the group comes back.
		v := doc(r, "order")
		if _, ok := c.Encode(nil, []byte("order:1"), v); !ok && mode == Zstd {
			t.Error("another group is refused")
		}
		v, packed := bytes.Repeat(v, 3), false
		for range 1 << maxRest {
			_, ok := c.Encode(nil, []byte("noise:1"), v)
			packed = packed || ok
		}
		if !packed {
			t.Error("the group does not come back")
		}
	}
}

// fill packs n values of a kind and returns them.
func fill(c *Codec, r *rand.Rand, prefix, kind string, n int) (values [][]byte, packed []Packed) {
	for i := range n {
		v := doc(r, kind)
		if p, ok := c.Encode(nil, fmt.Appendf(nil, "%s%d", prefix, i), v); ok {
			values, packed = append(values, v), append(packed, p)
		}
	}
	return values, packed
}

func size(packed []Packed) (n int) {
	for _, p := range packed {
		n += len(p.Bytes)
	}
	return n
}

func TestDictionariesAreLearnedPerPrefix(t *testing.T) {
	c := New()
	c.Configure(Zstd, 64)
	r := random(2)
	plainOrders, before := fill(c, r, "order:", "order", 300)
	fill(c, r, "user:", "user", 300)
	for c.Train() {
	}
	if n := c.Stats().Dictionaries; n != 2 {
		t.Fatalf("%d dictionaries", n)
	}
	orders, after := fill(c, r, "order:", "order", 300)
	if a, b := size(after)/len(after), size(before)/len(before); a > b*8/10 {
		t.Errorf("%d bytes with a dictionary, %d without", a, b)
	}
	users, packedUsers := fill(c, r, "user:", "user", 300)
	if packedUsers[0].Bytes[0] == after[0].Bytes[0] || after[0].Bytes[0] < firstDict {
		t.Error("two prefixes share a dictionary, or have none")
	}
	for i := range plainOrders {
		again(t, c, before[i], plainOrders[i])
	}
	for i := range orders {
		again(t, c, after[i], orders[i])
	}
	for i := range users {
		again(t, c, packedUsers[i], users[i])
	}
}

// A value that says nothing twice gets no smaller by itself.
func TestDictionariesServeSmallValues(t *testing.T) {
	c := New()
	c.Configure(Zstd, 45)
	value := func(i int) []byte {
		return fmt.Appendf(nil, `{"customer":{"id":%d,"country":"de"},"price":"EUR","sku":"%08x"}`, i*104729%9973, i*2654435761)
	}
	for i := range 500 {
		if _, ok := c.Encode(nil, []byte("k:1"), value(i)); ok && i < 10 {
			t.Fatal("the value is no example of what is meant here")
		}
	}
	c.Train()
	for i := range 500 {
		p, ok := c.Encode(nil, []byte("k:1"), value(i))
		if !ok {
			t.Fatalf("%s does not get smaller", value(i))
		}
		again(t, c, p, value(i))
	}
}

// A group whose values change gets another dictionary. What was packed with the
// first is readable until a pass has seen it all.
func TestDictionariesFollowTheirValues(t *testing.T) {
	c := New()
	c.Configure(Zstd, 64)
	r := random(3)
	fill(c, r, "k:", "order", 300)
	c.Train()
	fill(c, r, "k:", "order", windowValues+10)
	values, packed := fill(c, r, "k:", "order", 100)
	first := packed[0].Bytes[0]
	fill(c, r, "k:", "log", 3*windowValues)
	if !c.Train() {
		t.Fatal("no second sample is wanted")
	}
	_, now := fill(c, r, "k:", "log", 1)
	if first < firstDict || now[0].Bytes[0] == first || now[0].Bytes[0] < firstDict {
		t.Fatalf("methods %d and %d", first, now[0].Bytes[0])
	}
	if packed[0].Current() || !now[0].Current() {
		t.Error("what may be kept is not what is current")
	}
	if !c.Stale() {
		t.Error("nothing is to be done")
	}
	c.BeginPass()
	for i, p := range packed {
		again(t, c, p, values[i])
		if !c.Outdated([]byte("k:1"), p.Bytes) {
			t.Fatal("a value of a retired dictionary is not outdated")
		}
		c.Moved(p.Bytes) // somewhere where the pass has been
	}
	c.EndPass()
	again(t, c, packed[0], values[0]) // since they moved

	c.BeginPass()
	for i, p := range packed {
		if renewed, ok := c.Renew(nil, []byte("k:1"), values[i]); ok {
			again(t, c, renewed, values[i])
			if c.Outdated([]byte("k:1"), renewed.Bytes) {
				t.Fatal("renewed and outdated")
			}
		}
		_ = p
	}
	c.EndPass()
	if c.Stale() || c.methods[first].Load() != nil {
		t.Error("the first dictionary is still there")
	}
}

// No sample, whatever is in it, does more than give no dictionary.
func TestTrainingTakesEverything(t *testing.T) {
	r := random(4)
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for name, value := range map[string]func(i int) []byte{
		"the same":  func(int) []byte { return bytes.Repeat([]byte("same"), 100) },
		"zeros":     func(int) []byte { return make([]byte, 300) },
		"noise":     func(int) []byte { return noise(400) },
		"long":      func(int) []byte { return bytes.Repeat(noise(16), 1<<10) },
		"one in it": func(i int) []byte { return append(bytes.Repeat([]byte("x"), 300), byte(i)) },
		"text":      func(i int) []byte { return []byte(strings.Repeat(fmt.Sprint("word", i%7, " "), 50)) },
		"half":      func(int) []byte { return append(noise(200), make([]byte, 200)...) },
	} {
		c := New()
		c.Configure(Zstd, 1)
		for range 3 {
			for i := range 400 {
				v := value(i)
				if p, ok := c.Encode(nil, []byte("k:x"), v); ok {
					again(t, c, p, v)
				}
			}
			c.Train()
			t.Logf("%s: %+v", name, c.Stats())
		}
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	c := New()
	c.Configure(Zstd, 1)
	r := random(5)
	for i := range 200 {
		for range 80 {
			c.Encode(nil, fmt.Appendf(nil, "prefix%d:1", i), doc(r, fmt.Sprint("kind", i)))
		}
	}
	for c.Train() {
	}
	if n := len(*c.groups.Load()); n != maxGroups {
		t.Errorf("%d groups", n)
	}
	if n := c.Stats().Dictionaries; n == 0 || n > maxDicts {
		t.Errorf("%d dictionaries", n)
	}
	for prefix, g := range *c.groups.Load() {
		if len(g.samples) > sampleValues || g.bytes > sampleBytes+sampleEach {
			t.Errorf("%q keeps %d values of %d bytes", prefix, len(g.samples), g.bytes)
		}
	}
}

func TestManyPackAtOnce(t *testing.T) {
	c := New()
	c.Configure(Zstd, 64)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := random(uint64(w))
			frame := []byte{}
			for i := range 600 {
				v := doc(r, "order")
				p, ok := c.Encode(nil, []byte("order:1"), v)
				if ok && string(c.Decode(nil, p.Bytes, &frame)) != string(v) {
					t.Error("a value changed")
				}
				if i%100 == 99 && w == 0 {
					c.Train()
				}
			}
		}()
	}
	wg.Wait()
}

func TestPackingAllocatesNothing(t *testing.T) {
	r := random(6)
	for _, mode := range []Mode{S2, Zstd} {
		c := New()
		c.Configure(mode, 64)
		fill(c, r, "order:", "order", 300)
		c.Train()
		fill(c, r, "order:", "order", 300)
		v, key := bytes.Repeat(doc(r, "order"), 2), []byte("order:1")
		room, text, frame := make([]byte, 0, 8192), make([]byte, 0, 8192), make([]byte, 0, 8192)
		n := testing.AllocsPerRun(100, func() {
			p, ok := c.Encode(room, key, v)
			if !ok {
				t.Fatal("refused")
			}
			if len(c.Decode(text, p.Bytes, &frame)) != len(v) {
				t.Fatal("another value")
			}
		})
		if n != 0 && !invariants.Enabled {
			t.Errorf("mode %d: %v allocations", mode, n)
		}
	}
}

func FuzzValuesAreTheSameAfterwards(f *testing.F) {
	c := New()
	c.Configure(Zstd, 1)
	fill(c, random(7), "order:", "order", 300)
	c.Train()
	f.Add([]byte("order:1"), doc(random(8), "order"), true)
	f.Add([]byte("k"), bytes.Repeat([]byte{0}, 300), false)
	f.Fuzz(func(t *testing.T, key, v []byte, zstd bool) {
		c.Configure(map[bool]Mode{false: S2, true: Zstd}[zstd], 1)
		if p, ok := c.Encode(nil, key, v); ok {
			again(t, c, p, v)
		}
		if len(v) == 0 {
			return
		}
		if p, ok := c.Renew(nil, key, v); ok { // whatever it gains
			again(t, c, p, v)
		}
	})
}
