package packed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// texts are entries on both sides of every border of the format.
func texts() []string {
	list := []string{"", "-", "-0", "00", "01", "+1", "1a", "0", "-1", "a", "9223372036854775808",
		"-9223372036854775809", "18446744073709551616", "99999999999999999999", "-01", "1 ", "1.5"}
	for _, bits := range []int{7, 12, 15, 23, 31, 47, 63} {
		for d := int64(-2); d <= 2; d++ {
			list = append(list, strconv.FormatInt(int64(uint64(1)<<bits)+d, 10),
				strconv.FormatInt(-int64(uint64(1)<<bits)+d, 10))
		}
	}
	for _, n := range []int{1, 16, 62, 63, 64, 65, 125, 126, 127, 128, 4095, 4096, 16378, 16379, 16384, 70000} {
		list = append(list, strings.Repeat("x", n))
	}
	return list
}

// build returns a sequence of entries with exactly the capacity it needs.
func build(entries ...string) []byte {
	size := HeaderBytes
	for _, s := range entries {
		size += Size([]byte(s))
	}
	b := Init(make([]byte, size))
	for _, s := range entries {
		b = Append(b, []byte(s))
	}
	return b
}

// same compares b with want in every way it can be walked.
func same(t testing.TB, b []byte, want []string) {
	t.Helper()
	if err := Validate(b); err != nil {
		t.Fatal(err)
	}
	if Len(b) != len(want) {
		t.Fatalf("Len is %d, want %d", Len(b), len(want))
	}
	i := 0
	for p := First(b); p != 0; p = Next(b, p) {
		if got := string(Get(b, p).AppendTo(nil)); got != want[i] {
			t.Fatalf("entry %d is %.50q, want %.50q", i, got, want[i])
		}
		i++
	}
	for p := Last(b); p != 0; p = Prev(b, p) {
		i--
		if !Get(b, p).Equal([]byte(want[i])) {
			t.Fatalf("backwards, entry %d is not %.50q", i, want[i])
		}
	}
	if i != 0 {
		t.Fatalf("backwards, %d entries were missed", i)
	}
}

func TestEntriesKeepTheirText(t *testing.T) {
	list := texts()
	b := build(list...)
	same(t, b, list)
	for i, s := range list {
		p := Seek(b, i)
		e := Get(b, p)
		if p != Seek(b, i-len(list)) {
			t.Fatalf("index %d and %d differ", i, i-len(list))
		}
		if e.Len() != len(s) || EntrySize(b, p) != Size([]byte(s)) {
			t.Fatalf("%.50q: length %d, size %d", s, e.Len(), EntrySize(b, p))
		}
		for _, other := range list {
			if e.Equal([]byte(other)) != (s == other) {
				t.Fatalf("%.50q equals %.50q: %v", s, other, s != other)
			}
			if got, want := e.Compare([]byte(other)), strings.Compare(s, other); got != want {
				t.Fatalf("%.50q compared with %.50q: %d", s, other, got)
			}
		}
		v, err := strconv.ParseInt(s, 10, 64)
		canonical := err == nil && strconv.FormatInt(v, 10) == s
		if n, ok := e.Int(); ok != canonical || ok && n != v {
			t.Fatalf("%.50q is stored as an integer: %v", s, ok)
		}
		if canonical {
			c := AppendInt(Init(make([]byte, HeaderBytes+IntSize(v))), v)
			if !bytes.Equal(c, build(s)) {
				t.Fatalf("AppendInt of %d differs from Append", v)
			}
		}
	}
	if Seek(b, len(list)) != 0 || Seek(b, -len(list)-1) != 0 {
		t.Fatal("an index out of range has a position")
	}
}

func TestSizesAreSmall(t *testing.T) {
	for s, want := range map[string]int{
		"0": 2, "7": 2, "127": 2, "128": 3, "-4096": 3, "4095": 3, "4096": 4, "1000000": 5,
		"2000000000": 6, "1700000000000": 8, "9000000000000000": 10,
		strings.Repeat("m", 16): 18, strings.Repeat("m", 63): 65, strings.Repeat("m", 64): 67,
	} {
		if got := Size([]byte(s)); got != want {
			t.Errorf("%q takes %d bytes, want %d", s, got, want)
		}
	}
	for _, s := range texts() {
		_, err := strconv.ParseInt(s, 10, 64)
		if got, want := TextSize(len(s)), Size([]byte(s)); got < want || got > want && err != nil {
			t.Errorf("strings like %.50q take %d bytes, it takes %d", s, got, want)
		}
	}
}

func TestFindLooksAtEveryOtherEntry(t *testing.T) {
	var list []string
	for i, s := range texts() {
		list = append(list, s, strconv.Itoa(i%3))
	}
	b := build(list...)
	for skip := 0; skip < 3; skip++ {
		for _, key := range append(texts(), "absent", "77777") {
			want := -1
			for i := 0; i < len(list) && want < 0; i += skip + 1 {
				if list[i] == key {
					want = i
				}
			}
			p := Find(b, First(b), []byte(key), skip)
			if want < 0 && p != 0 || want >= 0 && p != Seek(b, want) {
				t.Fatalf("skip %d: %.50q found at %d, want index %d", skip, key, p, want)
			}
		}
	}
	if Find(Init(make([]byte, 2)), 0, []byte("a"), 0) != 0 {
		t.Fatal("found in an empty sequence")
	}
}

func TestCountBeyondItsField(t *testing.T) {
	b := Init(make([]byte, HeaderBytes+2*70000))
	for range 70000 {
		b = AppendInt(b, 7)
	}
	b = Delete(b, First(b), 10)
	if Len(b) != 69990 || Validate(b) != nil {
		t.Fatalf("Len is %d, %v", Len(b), Validate(b))
	}
	left, right := Split(b, Seek(b, 100), make([]byte, len(b)))
	if Len(left) != 100 || Len(right) != 69890 {
		t.Fatalf("split into %d and %d", Len(left), Len(right))
	}
	b = InsertSeq(slices.Grow(left, len(right)), len(left), right)
	if Len(b) != 69990 || Len(DeleteRange(b, 5, 100000)) != 5 {
		t.Fatalf("merged into %d", Len(b))
	}
}

// script reads random choices from fuzz input; after its end all are zero.
type script struct{ data []byte }

func (s *script) n(limit int) int {
	if len(s.data) == 0 || limit <= 0 {
		return 0
	}
	v := int(s.data[0])
	s.data = s.data[1:]
	if limit > 256 && len(s.data) > 0 {
		v = v<<8 | int(s.data[0])
		s.data = s.data[1:]
	}
	return v % limit
}

func (s *script) text() string {
	all := texts()
	switch s.n(4) {
	case 0:
		return all[s.n(len(all))]
	case 1:
		return strconv.Itoa(s.n(300) - 20)
	case 2:
		return strings.Repeat("k", s.n(80))
	}
	return fmt.Sprint("field:", s.n(50))
}

// play applies the same edits to a sequence and to a slice of strings.
func play(t testing.TB, data []byte) {
	s := &script{data}
	b, model := Init(make([]byte, HeaderBytes)), []string{}
	at := func(i int) int {
		if i == len(model) {
			return len(b)
		}
		return Seek(b, i)
	}
	grow := func(n int) { // to exactly what the edit says it needs
		c := make([]byte, len(b), len(b)+max(n, 0))
		copy(c, b)
		b = c
	}
	for len(s.data) > 0 {
		i := s.n(len(model) + 1)
		switch op := s.n(12); {
		case op < 4:
			list := []string{s.text()}
			if op == 0 {
				list = append(list, s.text(), s.text())
			}
			args := make([][]byte, len(list))
			for k := range list {
				args[k] = []byte(list[k])
			}
			grow(Size(args...))
			b = Insert(b, at(i), args...)
			model = slices.Insert(model, i, list...)
		case op == 4:
			v := int64(s.n(1000))<<s.n(54) - 50
			grow(IntSize(v))
			b = InsertInt(b, at(i), v)
			model = slices.Insert(model, i, strconv.FormatInt(v, 10))
		case op == 5 && i < len(model):
			text := s.text()
			grow(ReplaceGrowth(b, at(i), []byte(text)))
			b = Replace(b, at(i), []byte(text))
			model[i] = text
		case op == 6 && i < len(model):
			v := int64(s.n(1000))<<s.n(54) - 50
			grow(IntSize(v) - EntrySize(b, at(i)))
			b = ReplaceInt(b, at(i), v)
			model[i] = strconv.FormatInt(v, 10)
		case op == 7 && i < len(model):
			n := s.n(4)
			end := min(i+n, len(model))
			if s.n(2) == 0 {
				b = Delete(b, at(i), n)
			} else {
				b = DeleteRange(b, i-len(model), n)
			}
			model = slices.Delete(model, i, end)
		case op == 8:
			p := at(i)
			left, right := Split(b, p, make([]byte, HeaderBytes+len(b)-p))
			same(t, left, model[:i])
			same(t, right, model[i:])
			b = left
			grow(len(right) - HeaderBytes)
			if s.n(2) == 0 {
				b = InsertSeq(b, len(b), right)
			} else {
				b = InsertSeq(b, HeaderBytes, right)
				model = slices.Concat(model[i:], model[:i])
			}
		case op == 9:
			text := s.text()
			want := slices.Index(model, text)
			if p := Find(b, First(b), []byte(text), 0); want < 0 && p != 0 || want >= 0 && p != at(want) {
				t.Fatalf("%.50q found at %d, want index %d", text, p, want)
			}
		case op == 10: // what is in front makes the room
			text, p := s.text(), at(i)
			n := Size([]byte(text))
			c := make([]byte, n+len(b))
			copy(c, b[:p])
			copy(c[p+n:], b[p:])
			Fill(c, p, []byte(text))
			b = c
			model = slices.Insert(model, i, text)
		case op == 11 && i < len(model):
			p, n := at(i), EntrySize(b, at(i))
			copy(b[n:], b[:p])
			b = b[n:]
			Drop(b, 1)
			model = slices.Delete(model, i, i+1)
		}
		same(t, b, model)
	}
}

func TestRandomEditsAgreeWithASlice(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		data := make([]byte, 400)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		play(t, data)
	}
}

func FuzzSequence(f *testing.F) {
	f.Add([]byte("\x00\x00\x03a\x01\x02b"))
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Fuzz(func(t *testing.T, data []byte) { play(t, data) })
}

// What Validate accepts can be read in full and written again byte for byte;
// whatever the bytes are, nothing is read out of bounds.
func FuzzValidate(f *testing.F) {
	f.Add(build("a", "12", "-500", "70000", strings.Repeat("x", 100)))
	f.Add(build(texts()[:20]...))
	f.Add([]byte{0xff, 0xff, 0xf0, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{1, 0, 0xe0, 64})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := make([]byte, len(data)) // without spare capacity to read into
		copy(b, data)
		if Validate(b) == nil {
			c := Init(make([]byte, len(b)))
			for p := First(b); p != 0; p = Next(b, p) {
				c = Append(c, Get(b, p).AppendTo(nil))
			}
			if binary.LittleEndian.Uint16(b) != manyEntries && !bytes.Equal(b, c) {
				t.Fatalf("%x was written again as %x", b, c)
			}
			for p, n := Last(b), Len(b); p != 0 || n != 0; p, n = Prev(b, p), n-1 {
				if n == 0 {
					t.Fatal("the walks differ in length")
				}
			}
		}
		if s := IntSet(b); s.Validate() == nil {
			for i := range s.Len() {
				if k, ok := s.Find(s.At(i)); !ok || k != i {
					t.Fatalf("member %d not found", i)
				}
			}
		}
	})
}

func TestDamagedSequencesAreRefused(t *testing.T) {
	good := build("abc", "12345", strings.Repeat("y", 70), "9")
	for i := range good {
		for bit := range 8 {
			bad := slices.Clone(good)
			bad[i] ^= 1 << bit
			if Validate(bad) == nil && bytes.Equal(bad[:HeaderBytes], good[:HeaderBytes]) {
				continue // another text is as well-formed
			}
			_ = Validate(bad)
		}
		if i < len(good)-1 && Validate(good[:i+1]) == nil {
			t.Fatalf("cut to %d bytes, it is accepted", i+1)
		}
	}
	for name, b := range map[string][]byte{
		"integer as string":  {1, 0, 0x81, '5', 2},
		"wide integer":       {1, 0, int16Form, 1, 0, 3},
		"13 bits for 7":      {1, 0, int13, 5, 2},
		"medium for short":   {1, 0, mediumString, 1, 'a', 3},
		"wrong back-length":  {1, 0, 0x81, 'a', 3},
		"wrong count":        {2, 0, 0x81, 'a', 2},
		"unknown form":       {1, 0, 0xff, 1},
		"long without bytes": {1, 0, longString, 0xff, 0xff, 0xff, 0xff},
	} {
		if Validate(b) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func playIntSet(t testing.TB, data []byte) {
	s := &script{data}
	set, model := InitIntSet(make([]byte, IntSetHeader)), []int64{}
	for len(s.data) > 0 {
		v := int64(s.n(1000)-500) << s.n(55)
		i, has := slices.BinarySearch(model, v)
		if k, ok := set.Find(v); ok != has || k != i {
			t.Fatalf("%d found at %d: %v", v, k, ok)
		}
		if s.n(3) > 0 {
			c := make(IntSet, len(set), max(set.AddSize(v), len(set)))
			copy(c, set)
			var added bool
			if set, added = c.Add(v); added == has {
				t.Fatalf("adding %d: %v", v, added)
			}
			if !has {
				model = slices.Insert(model, i, v)
				if len(set) != cap(c) {
					t.Fatalf("AddSize is %d, length %d", cap(c), len(set))
				}
			}
		} else {
			var removed bool
			if set, removed = set.Remove(v); removed != has {
				t.Fatalf("removing %d: %v", v, removed)
			}
			if has {
				model = slices.Delete(model, i, i+1)
			}
		}
		if err := set.Validate(); err != nil || set.Len() != len(model) {
			t.Fatalf("%v, %d members, want %d", err, set.Len(), len(model))
		}
		for i, v := range model {
			if set.At(i) != v {
				t.Fatalf("member %d is %d, want %d", i, set.At(i), v)
			}
		}
	}
}

func TestRandomSetsAgreeWithASlice(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		data := make([]byte, 400)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		playIntSet(t, data)
	}
	set := InitIntSet(make([]byte, 100))
	for _, v := range []int64{math.MaxInt64, math.MinInt64, 0, math.MinInt16, math.MaxInt32} {
		set, _ = set.Add(v)
	}
	if set.Len() != 5 || !set.Contains(math.MinInt64) || set.Contains(1) || set.Width() != 8 {
		t.Fatal("extremes are lost")
	}
}

func FuzzIntSet(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x01\x30\x03\x01"))
	f.Fuzz(func(t *testing.T, data []byte) { playIntSet(t, data) })
}

func TestOperationsDoNotAllocate(t *testing.T) {
	b := build("field:1", "value", "2", "30000")
	store := make([]byte, 200)
	key, val := []byte("field:9"), []byte("12345")
	set := InitIntSet(make([]byte, 200))
	text := make([]byte, 0, 32)
	allocs := testing.AllocsPerRun(100, func() {
		c := store[:copy(store, b)]
		c = Insert(c, len(c), key, val)
		p := Find(c, First(c), key, 1)
		c = Replace(c, Next(c, p), key)
		c = ReplaceInt(c, p, 77)
		text = Get(c, p).AppendTo(text[:0])
		_ = Get(c, p).Compare(val)
		c = DeleteRange(c, -2, 2)
		_ = Validate(c)
		set, _ = set.Add(70000)
		set, _ = set.Remove(70000)
	})
	if allocs != 0 {
		t.Fatalf("%v allocations", allocs)
	}
}
