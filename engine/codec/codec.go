package codec

import (
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"cached/internal/invariants"
)

// A Mode says how values are packed.
type Mode int32

// The modes.
const (
	Off  Mode = iota
	S2        // fast, and a third smaller for typical text
	Zstd      // slower and smaller, with dictionaries
)

const (
	// Most is the longest value that is packed. Packing a longer one would hold up
	// other clients, and so would unpacking it for a part of it.
	Most = 256 << 10

	methodS2   = 0
	methodZstd = 1
	firstDict  = 2
)

// never is a length that no value has.
const never = 1<<63 - 1

// A Codec packs values and unpacks them. It is safe for concurrent use. It unpacks values that were packed under
// any mode.
type Codec struct {
	least atomic.Int64 // length from which on values are packed; none is that long when off
	mode  atomic.Int32
	stats stats

	methods [256]atomic.Pointer[method] // of zstd, by number
	groups  atomic.Pointer[map[string]*group]

	mu     sync.Mutex // guards changes of methods and groups
	fresh  bool       // there is a dictionary that older values could have
	passed []*method  // retired before the pass began
}

// A method is zstd with a dictionary or, as methodZstd, without.
type method struct {
	number  byte
	group   *group // whose dictionary it is
	dict    []byte
	idle    chan *zstd.Encoder // with room for as many as there may be
	made    atomic.Int32       // encoders
	dec     *zstd.Decoder
	retired atomic.Bool
	moved   atomic.Bool // values of it may have moved to where a pass has been
}

type stats struct {
	in, out, refused, trained atomic.Int64
}

// Stats count packed values since the start.
type Stats struct {
	In, Out      int64 // bytes of values that were packed, before and after
	Refused      int64 // values that would not have got much smaller
	Dictionaries int   // in use, the retired ones too
	Trained      int64 // dictionaries taken into use
}

// New returns a Codec whose mode is Off.
func New() *Codec {
	c := &Codec{}
	c.least.Store(never)
	c.groups.Store(&map[string]*group{"": newGroup()})
	return c
}

// Configure changes the mode, for values of at least least bytes.
func (c *Codec) Configure(m Mode, least int) {
	if m == Zstd {
		c.mu.Lock()
		if c.methods[methodZstd].Load() == nil {
			x, err := newMethod(methodZstd, nil)
			invariants.Check(err == nil, "zstd does not start")
			c.methods[methodZstd].Store(x)
		}
		c.mu.Unlock()
	}
	c.mode.Store(int32(m))
	if m == Off {
		c.least.Store(never)
		return
	}
	c.least.Store(int64(least))
}

// Compresses reports whether the mode is not Off.
func (c *Codec) Compresses() bool { return c.least.Load() != never }

// Wants reports whether a value of n bytes may be packed.
func (c *Codec) Wants(n int) bool { return int64(n) >= c.least.Load() && n <= Most }

// Stats returns the counters.
func (c *Codec) Stats() (s Stats) {
	s.In, s.Out, s.Refused, s.Trained = c.stats.in.Load(), c.stats.out.Load(), c.stats.refused.Load(), c.stats.trained.Load()
	for i := firstDict; i < len(c.methods); i++ {
		if c.methods[i].Load() != nil {
			s.Dictionaries++
		}
	}
	return s
}

// newMethod makes an encoder and a decoder; dict may be nil.
func newMethod(number byte, dict []byte) (*method, error) {
	most := runtime.GOMAXPROCS(0)
	m := &method{number: number, dict: dict, idle: make(chan *zstd.Encoder, most)}
	in := []zstd.DOption{zstd.WithDecoderConcurrency(most), zstd.WithDecoderLowmem(true)}
	if dict != nil {
		in = append(in, zstd.WithDecoderDicts(dict))
	}
	var err error
	if m.dec, err = zstd.NewReader(nil, in...); err != nil {
		return nil, err
	}
	enc, err := m.newEncoder()
	if err != nil {
		return nil, err
	}
	m.made.Store(1)
	m.idle <- enc
	return m, nil
}

func (m *method) newEncoder() (*zstd.Encoder, error) {
	out := []zstd.EOption{zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(64 << 10)}
	if m.dict != nil {
		out = append(out, zstd.WithEncoderDict(m.dict))
	}
	return zstd.NewWriter(nil, out...)
}

// encoder takes an idle encoder. There are as many as were ever needed at once, up
// to one for each processor: they are large.
func (m *method) encoder() *zstd.Encoder {
	select {
	case enc := <-m.idle:
		return enc
	default:
	}
	if m.made.Add(1) <= int32(cap(m.idle)) {
		if enc, err := m.newEncoder(); err == nil {
			return enc
		}
	}
	m.made.Add(-1)
	return <-m.idle
}

// A Packed is the result of Encode.
type Packed struct {
	Bytes []byte
	by    *method
}

// Current reports whether the bytes may still be kept: their dictionary was not
// retired since.
func (p Packed) Current() bool { return p.by == nil || !p.by.retired.Load() }

// Encode appends the packed form of the value at key to dst. It reports false, and
// leaves dst as it was, if that is not smaller by an eighth at least.
func (c *Codec) Encode(dst, key, v []byte) (p Packed, ok bool) {
	if !c.Wants(len(v)) {
		return p, false
	}
	g, mode := c.groupOf(key), Mode(c.mode.Load())
	if mode == Zstd {
		g.sample(v) // a value that does not get smaller alone may with a dictionary
	}
	if g.rests(len(v)) {
		return p, false
	}
	start := len(dst)
	switch mode {
	case S2:
		dst = appendS2(dst, v)
	case Zstd:
		if p.by = g.dict.Load(); p.by == nil {
			p.by = c.methods[methodZstd].Load()
		}
		dst = p.by.append(dst, v)
	default:
		return p, false
	}
	p.Bytes = dst[start:]
	ok = len(p.Bytes) <= len(v)-len(v)/8
	g.note(len(v), len(p.Bytes), ok)
	if !ok {
		c.stats.refused.Add(1)
		return Packed{}, false
	}
	c.stats.in.Add(int64(len(v)))
	c.stats.out.Add(int64(len(p.Bytes)))
	if invariants.Enabled {
		var frame []byte
		invariants.Check(string(c.Decode(nil, p.Bytes, &frame)) == string(v), "a packed value does not unpack to itself")
	}
	return p, true
}

func appendS2(dst, v []byte) []byte {
	n := s2.MaxEncodedLen(len(v))
	dst = slices.Grow(dst, 1+n)
	at := len(dst) + 1
	packed := s2.Encode(dst[at:at+n], v) // which begins with the length
	return append(append(dst, methodS2), packed...)
}

// append appends the packed form of v: its frame with another head.
func (m *method) append(dst, v []byte) []byte {
	start := len(dst)
	enc := m.encoder()
	dst = enc.EncodeAll(v, dst)
	m.idle <- enc
	frame := dst[start:]
	var head [1 + binary.MaxVarintLen64]byte
	head[0] = m.number
	n := 1 + binary.PutUvarint(head[1:], uint64(len(v)))
	blocks := frameHead(frame)
	invariants.Check(blocks >= n, "the head of a frame is shorter than ours")
	copy(frame, head[:n])
	copy(frame[n:], frame[blocks:])
	return dst[:len(dst)-blocks+n]
}

// Fields of a frame of zstd (RFC 8878, 3.1.1).
const (
	frameMagic    = "\x28\xb5\x2f\xfd"
	singleSegment = 1 << 5 // no window descriptor
	oneByteDict   = 1
)

// frameHead is where the blocks of a frame begin.
func frameHead(frame []byte) int {
	d := frame[len(frameMagic)]
	n := len(frameMagic) + 1 + [4]int{0, 1, 2, 4}[d&3]
	if d&singleSegment == 0 {
		n++
	}
	if size := d >> 6; size > 0 || d&singleSegment != 0 {
		n += 1 << size
	}
	return n
}

// appendFrameHead appends the head of a frame with a content of n bytes.
func appendFrameHead(b []byte, number byte, n int) []byte {
	b = append(b, frameMagic...)
	d := byte(singleSegment)
	if number >= firstDict {
		d |= oneByteDict
	}
	at := len(b)
	b = append(b, d)
	if number >= firstDict {
		b = append(b, number)
	}
	switch {
	case n < 256:
		return append(b, byte(n))
	case n < 256+1<<16:
		b[at] |= 1 << 6
		return binary.LittleEndian.AppendUint16(b, uint16(n-256))
	}
	b[at] |= 2 << 6
	return binary.LittleEndian.AppendUint32(b, uint32(n))
}

// Len is the length of the value that was packed.
func Len(packed []byte) int {
	n, _ := binary.Uvarint(packed[1:])
	return int(n)
}

// Decode appends the value that was packed to dst. frame is room for the use of one
// caller at a time.
func (c *Codec) Decode(dst, packed []byte, frame *[]byte) []byte {
	n, head := binary.Uvarint(packed[1:])
	dst = slices.Grow(dst, int(n))
	at := len(dst)
	into := dst[at : at+int(n) : at+int(n)]
	var got []byte
	var err error
	if number := packed[0]; number == methodS2 {
		got, err = s2.Decode(into, packed[1:])
	} else {
		*frame = append(appendFrameHead((*frame)[:0], number, int(n)), packed[1+head:]...)
		got, err = c.methods[number].Load().dec.DecodeAll(*frame, into[:0])
	}
	invariants.Check(err == nil && len(got) == int(n), "a packed value is broken")
	if len(got) > 0 && &got[0] != &into[0] {
		copy(into, got)
	}
	return dst[:at+int(n)]
}
