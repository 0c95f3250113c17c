package value

import (
	"cached/engine/arena"
	"cached/engine/table"
)

// A Type is the type of a value as commands see it. The numbers are those of Redis's RDB object types where Redis has
// the type, and fit in four bits. Files do not hold the numbers.
type Type uint8

// The types. 5 is the number of modules in Redis; 7 is not used.
const (
	String Type = 0
	List   Type = 1
	Set    Type = 2
	ZSet   Type = 3
	Hash   Type = 4
	Stream Type = 6

	// Native types, which Redis does not have.
	Limiter   Type = 8
	Lock      Type = 9
	Semaphore Type = 10
)

var typeNames = [16]string{String: "string", List: "list", Set: "set", ZSet: "zset", Hash: "hash", Stream: "stream",
	Limiter: "limiter", Lock: "lock", Semaphore: "semaphore"}

// Native reports whether a value of type t is one block of bytes that only the
// commands of the type understand. It has the encoding Raw. Files keep it as a string,
// with the name of the type beside it.
func (t Type) Native() bool { return t >= Limiter && t <= Semaphore }

// String returns the name TYPE replies with.
func (t Type) String() string { return typeNames[t] }

// TypeNamed is the reverse of String.
func TypeNamed(name string) (Type, bool) {
	for t, n := range typeNames {
		if n == name && n != "" {
			return Type(t), true
		}
	}
	return 0, false
}

// An Encoding says how a value of some type is stored, in four bits.
type Encoding uint8

// The encodings. OBJECT ENCODING reports their names, which are those of the corresponding encodings in Redis.
const (
	Raw Encoding = iota
	Int
	Embstr
	Packed     // one block with everything in it: listpack
	IntSet     // a packed set of integers
	Table      // fields or members in a table
	SkipList   // a table and a tree by score
	Chunks     // a tree of chunks: quicklist
	StreamTree // a tree of packed chunks of entries
	PackedTTL  // Packed, with a deadline for each field: listpackex
	Squeezed   // a Raw string that was compressed
)

var encodingNames = [...]string{"raw", "int", "embstr", "listpack", "intset", "hashtable", "skiplist", "quicklist", "stream", "listpackex", "raw"}

// String returns the name OBJECT ENCODING replies with.
func (e Encoding) String() string { return encodingNames[e] }

// Kind packs type and encoding into an item's kind byte.
func Kind(t Type, e Encoding) uint8 { return uint8(t) | uint8(e)<<4 }

// TypeOf returns the type of an item's value.
func TypeOf(it table.Item) Type { return Type(it.Kind() & 15) }

// EncodingOf returns the encoding of an item's value.
func EncodingOf(it table.Item) Encoding { return Encoding(it.Kind() >> 4) }

// A Ref is a value in its place: the slot of its item and the heap of its blocks. It is valid until the table of
// the slot changes or the lock that guards them is released.
type Ref struct {
	Heap *arena.Heap
	Slot table.Slot
	// Marked is the number of items in the table of the slot that have parts with
	// deadlines, or nil if the item is in no table.
	Marked *int
}

// IsZero reports whether there is no value.
func (r Ref) IsZero() bool { return r.Slot == nil }

// Item returns the item as it is now.
func (r Ref) Item() table.Item { return table.ItemOf(r.Slot) }

// Bytes returns the value bytes inside the item, which alias it: valid until
// the next Resize.
func (r Ref) Bytes() []byte { return r.Item().Value() }

// Resize makes the item's value n bytes long and returns it: its old bytes stay, added bytes are undefined.
func (r Ref) Resize(n int) []byte {
	it := r.Item()
	it = it.Reshape(r.Heap, n, it.DeadlineMS())
	table.SetItem(r.Slot, it)
	return it.Value()
}

// SetEncoding changes how the value says it is stored.
func (r Ref) SetEncoding(e Encoding) {
	it := r.Item()
	it.SetKind(Kind(TypeOf(it), e))
}

// Limits are the thresholds at which small collections become large ones, each
// the directive of its name. A zero Limits converts at once.
type Limits struct {
	HashEntries, HashValue           int // hash-max-listpack-entries, -value
	SetEntries, SetValue, SetInts    int // set-max-listpack-entries, -value, set-max-intset-entries
	ZSetEntries, ZSetValue           int // zset-max-listpack-entries, -value
	ListSize                         int // list-max-listpack-size: entries, or -1..-5 for 4 to 64 KiB
	StreamNodeBytes, StreamNodeItems int // stream-node-max-bytes, -entries
	HLLSparseBytes                   int // hll-sparse-max-bytes
}

// DefaultLimits are Redis 7.4's.
var DefaultLimits = Limits{
	HashEntries: 512, HashValue: 64,
	SetEntries: 128, SetValue: 64, SetInts: 512,
	ZSetEntries: 128, ZSetValue: 64,
	ListSize:        -2,
	StreamNodeBytes: 4096, StreamNodeItems: 100,
	HLLSparseBytes: 3000,
}
