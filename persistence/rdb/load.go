package rdb

import (
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"cached/engine"
	"cached/engine/table"
	"cached/engine/value"
)

// LoadOptions say how Load reads a file.
type LoadOptions struct {
	NowMS       int64
	KeepExpired bool // keys whose deadline has passed are loaded, for a replica
	NoChecksum  bool
	// Merge replaces existing keys by those of the file. The databases need not be empty, and after an error they
	// keep all keys loaded so far.
	Merge bool
	// Size of the file in bytes, if it is known. The number of keys that the file declares is trusted as far as
	// that many fit into it.
	Size int64

	// Tx, if not nil, holds the whole keyspace; everything is then done by the
	// calling goroutine.
	Tx *engine.Tx
	// Each, if not nil, is called for each key before it is read.
	Each func()
	// Progress, if not nil, is kept up to date.
	Progress *Progress
}

// Progress is how far Load has come.
type Progress struct {
	Bytes   atomic.Int64
	Keys    atomic.Int64
	Expired atomic.Int64
}

// A Result is the data of a file besides its keys.
type Result struct {
	Keys, Expired, Empty int64
	Version              int
	Bytes                int64             // how long it is
	Aux                  map[string]string // those with a meaning here
	Libraries            [][]byte          // the code of function libraries
	Rest                 []byte            // bytes read beyond the end
	Policies             string            // of limits, as PoliciesAux has them
}

// keptAux are the auxiliary fields that Result holds.
var keptAux = map[string]bool{"redis-ver": true, "ctime": true, "used-mem": true, "aof-base": true, "repl-id": true,
	"repl-offset": true, "repl-stream-db": true, "redis-bits": true}

// PoliciesAux is the name of the auxiliary field that holds the named policies of rate
// limits. Redis skips it.
const PoliciesAux = "cached-limit-policies"

// leastKey is how many bytes the smallest keys and values take that there may be many
// of.
const leastKey = 8

const (
	batchBytes = 256 << 10 // of raw values that are passed on together
	pieceBytes = 1 << 20   // of a large value
)

// A batch is raw keys and values on their way to the goroutine that inserts them. The number of a database's keys
// is in front of its first batch.
type batch struct {
	room    []room
	data    []byte
	entries []entry
}

type room struct {
	db   int
	keys int64
}

// An entry is a key with a value or a piece of one.
type entry struct {
	db               int
	typ              byte
	first, last      bool
	key, value, stop int    // their offsets in data, and the end of the value
	hash             uint64 // of the key
	offset           int64
	origin           engine.Origin
	meta             *engine.Meta // or nil
	native           value.Type   // or String
	dues             []byte       // deadlines of members, or nil
}

// Load reads a file into e, whose databases are empty unless o says otherwise.
// After an error they are so again.
func Load(src io.Reader, e *engine.Engine, o LoadOptions) (Result, error) {
	l := &loader{e: e, o: o, in: newReader(src)}
	l.in.noSum = o.NoChecksum
	if o.Progress == nil {
		l.o.Progress = new(Progress)
	}
	l.in.passed = &l.o.Progress.Bytes
	l.start()
	err := l.read()
	if stopErr := l.finish(); stopErr != nil && (err == nil || errors.Is(err, errStopped)) {
		err = stopErr
	}
	l.result.Keys, l.result.Expired = l.o.Progress.Keys.Load(), l.o.Progress.Expired.Load()
	l.result.Empty = l.empty.Load()
	l.result.Bytes = l.in.offset()
	l.result.Rest = l.in.buf[l.in.r:l.in.w]
	l.o.Progress.Bytes.Store(l.result.Bytes)
	if err != nil && !o.Merge {
		l.clear()
	}
	return l.result, err
}

type loader struct {
	e        *engine.Engine
	o        LoadOptions
	in       *reader
	result   Result
	meta     *engine.Meta // of the next key, or nil
	native   value.Type   // of the next key if it is a native one, else String
	dues     []byte       // deadlines of members of the next key, or nil
	reserved []int        // databases for whose keys there is room

	inserters []*inserter
	group     sync.WaitGroup
	free      chan *batch
	stopped   atomic.Bool
	empty     atomic.Int64

	mu  sync.Mutex // guards err
	err error
}

// start makes the inserters: one for each processor, or one that is called.
func (l *loader) start() {
	n := min(runtime.GOMAXPROCS(0), l.e.Shards())
	if l.o.Tx != nil {
		n = 1
	}
	l.free = make(chan *batch, 8*n)
	for range n {
		in := &inserter{l: l, number: len(l.inserters), batch: new(batch)}
		l.inserters = append(l.inserters, in)
		if l.o.Tx != nil {
			in.tx = l.o.Tx
			continue
		}
		in.tx = new(engine.Tx)
		in.queue = make(chan *batch, 4)
		l.group.Add(1)
		go func() {
			defer l.group.Done()
			in.run()
		}()
	}
}

// stop stops the loading with an error.
func (l *loader) stop(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		l.stopped.Store(true)
	}
}

// finish passes on the last batches and waits.
func (l *loader) finish() error {
	for _, in := range l.inserters {
		l.send(in)
		if in.queue != nil {
			close(in.queue)
		}
	}
	l.group.Wait()
	for _, in := range l.inserters {
		in.abandon()
	}
	for _, db := range l.reserved {
		for i := range l.e.Shards() {
			l.e.FitIndex(i, db)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// clear removes the keys that were loaded.
func (l *loader) clear() {
	if l.o.Tx != nil {
		l.o.Tx.Flush(-1, false)
		return
	}
	var tx engine.Tx
	tx.Begin(l.e, 0, l.o.NowMS)
	tx.LockAll()
	tx.Flush(-1, false)
	tx.Commit(nil)
	tx.Unlock()
}

// send passes the batch of an inserter on.
func (l *loader) send(in *inserter) {
	if len(in.batch.entries)+len(in.batch.room) == 0 {
		return
	}
	if in.queue == nil {
		in.insert(in.batch)
		in.batch.reset()
		return
	}
	in.queue <- in.batch
	select {
	case in.batch = <-l.free:
	default:
		in.batch = new(batch)
	}
}

func (b *batch) reset() {
	if cap(b.data) > 4*pieceBytes {
		b.data = nil
	}
	b.room, b.data, b.entries = b.room[:0], b.data[:0], b.entries[:0]
}

// read reads the file to its end.
func (l *loader) read() error {
	in := l.in
	if err := in.header(); err != nil {
		return err
	}
	l.result.Version, l.result.Aux = in.version, map[string]string{}
	var keyRaw, keyText, scratch []byte
	db := 0
	origin := engine.NoOrigin
	for {
		op, err := in.next(1)
		if err != nil {
			return err
		}
		switch t := op[0]; t {
		case opEnd:
			return in.trailer()
		case opSelect:
			n, err := in.length()
			if err != nil {
				return err
			}
			if n >= uint64(l.e.Databases()) {
				return in.fail("the file has a database " + strconv.FormatUint(n, 10) + ", and there are only " +
					strconv.Itoa(l.e.Databases()))
			}
			db = int(n)
		case opExpire:
			b, err := in.next(4)
			if err != nil {
				return err
			}
			origin.DeadlineMS = int64(int32(binary.LittleEndian.Uint32(b))) * 1000
		case opExpireMS:
			b, err := in.next(8)
			if err != nil {
				return err
			}
			origin.DeadlineMS = int64(binary.LittleEndian.Uint64(b))
			if origin.DeadlineMS == 0 {
				origin.DeadlineMS = 1 // which has passed as well
			}
		case opIdle:
			n, err := in.length()
			if err != nil {
				return err
			}
			origin.IdleMS = int64(min(n, 1<<40)) * 1000
		case opFreq:
			b, err := in.next(1)
			if err != nil {
				return err
			}
			origin.Freq = int(b[0])
		case opResize:
			err = l.expect(db)
		case opSlotInfo:
			err = l.passLengths(3)
		case opAux:
			err = l.aux(&keyRaw, &keyText, &scratch)
		case opModuleAux:
			err = in.moduleAux()
		case opFunction:
			code, err := in.string(&keyRaw, &scratch)
			if err != nil {
				return err
			}
			l.result.Libraries = append(l.result.Libraries, append([]byte(nil), code...))
		case opFunctionOld:
			return in.fail("a function in a form that only release candidates of Redis 7.0 wrote")
		default:
			if l.o.Each != nil {
				l.o.Each()
			}
			key, err := in.string(&keyRaw, &scratch)
			if err != nil {
				return err
			}
			if err := l.key(db, t, key, origin); err != nil {
				return err
			}
			origin = engine.NoOrigin
		}
		if err != nil {
			return err
		}
		if l.stopped.Load() {
			return errStopped
		}
	}
}

// expect has the inserters make room for the keys of a database.
func (l *loader) expect(db int) error {
	n, err := l.in.length()
	if err != nil {
		return err
	}
	if l.o.Tx != nil || slices.Contains(l.reserved, db) {
		return l.passLengths(1)
	}
	l.reserved = append(l.reserved, db)
	keys := int64(min(n, uint64(l.o.Size/leastKey)))
	for _, to := range l.inserters {
		to.batch.room = append(to.batch.room, room{db, keys})
		l.send(to)
	}
	return l.passLengths(1) // those with a deadline
}

func (l *loader) passLengths(n int) error {
	for range n {
		if _, err := l.in.length(); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) aux(raw, name, scratch *[]byte) error {
	key, err := l.in.string(raw, scratch)
	if err != nil {
		return err
	}
	*name = append((*name)[:0], key...)
	ours := string(*name) == metaAux || string(*name) == typeAux || string(*name) == PoliciesAux || string(*name) == duesAux
	if !ours && !keptAux[string(*name)] {
		return l.in.passString()
	}
	text, err := l.in.string(raw, scratch)
	switch {
	case err != nil:
		return err
	case string(*name) == typeAux:
		t, ok := value.TypeNamed(string(text))
		if !ok || !t.Native() {
			return l.in.fail("a value of the unknown type " + strconv.QuoteToASCII(string(text)))
		}
		l.native = t
	case string(*name) == PoliciesAux:
		l.result.Policies = string(text)
	case string(*name) == metaAux:
		m, ok := engine.ParseMeta(text)
		if !ok {
			return l.in.fail("malformed metadata of a key")
		}
		l.meta = &m
	case string(*name) == duesAux:
		l.dues = append(l.dues, text...)
	case len(text) < 1024:
		l.result.Aux[string(*name)] = string(text)
	}
	return nil
}

// key cuts the value of a key out of the file.
func (l *loader) key(db int, t byte, key []byte, origin engine.Origin) error {
	in, meta, native, dues := l.in, l.meta, l.native, l.dues
	l.meta, l.native, l.dues = nil, value.String, nil
	if d := origin.DeadlineMS; d != 0 && d < l.o.NowMS && !l.o.KeepExpired {
		l.o.Progress.Expired.Add(1)
		return in.passValue(t, nil)
	}
	hash := engine.Hash(key)
	to := l.inserters[l.e.ShardOf(hash)%len(l.inserters)]
	b := to.batch
	e := entry{db: db, typ: t, first: true, hash: hash, origin: origin, meta: meta, native: native, dues: dues}
	begin := func() {
		b = to.batch
		e.key = len(b.data)
		b.data = append(b.data, key...)
		e.value, e.offset = len(b.data), in.offset()
		in.out = &b.data
	}
	end := func(last bool) {
		e.last, e.stop = last, len(b.data)
		b.entries = append(b.entries, e)
	}
	begin()
	defer func() { in.out = nil }()
	err := in.passValue(t, func() error {
		if len(b.data)-e.value < pieceBytes {
			return nil
		}
		end(false)
		l.send(to)
		if l.stopped.Load() {
			return errStopped
		}
		begin()
		e.first = false
		return nil
	})
	if err != nil {
		b.data = b.data[:e.key]
		return err
	}
	end(true)
	if len(b.data) >= batchBytes {
		l.send(to)
	}
	return nil
}

// An inserter puts the keys of some of the shards in.
type inserter struct {
	l       *loader
	number  int // of all inserters
	tx      *engine.Tx
	queue   chan *batch // nil: insert is called
	batch   *batch      // being filled
	decoder Decoder
	ahead   engine.Lookahead
	open    []byte // the key of which the first pieces have come
	isOpen  bool
}

func (in *inserter) run() {
	for b := range in.queue {
		if !in.l.stopped.Load() {
			in.insert(b)
		}
		b.reset()
		select {
		case in.l.free <- b:
		default:
		}
	}
}

// insert inserts the keys of a batch.
func (in *inserter) insert(b *batch) {
	if in.queue != nil {
		in.tx.Begin(in.l.e, 0, in.l.o.NowMS)
	}
	saved := in.tx.DB
	keys := int64(0)
	in.reserve(b.room)
	for i := range b.entries {
		if i%engine.MaxLookahead == 0 {
			in.lookAhead(b.entries[i:])
		}
		e := &b.entries[i]
		key := b.data[e.key:e.value]
		in.tx.DB = e.db
		in.tx.Know(key, e.hash)
		if in.queue != nil {
			in.tx.LockKey(key)
		}
		err := in.one(e, key, b.data[e.value:e.stop])
		if in.queue != nil {
			in.tx.Commit(nil)
			in.tx.Unlock()
		}
		if err != nil {
			in.l.stop(err)
			break
		}
		if e.last {
			keys++
		}
	}
	in.tx.DB = saved
	in.l.o.Progress.Keys.Add(keys)
}

// reserve makes room for keys that are to come.
func (in *inserter) reserve(all []room) {
	for _, r := range all {
		for i := in.number; i < in.l.e.Shards(); i += len(in.l.inserters) {
			in.l.e.Reserve(i, r.db, r.keys)
		}
	}
}

// lookAhead has the memory loaded in which the next keys will be entered.
func (in *inserter) lookAhead(next []entry) {
	if in.queue == nil {
		return
	}
	next = next[:min(len(next), engine.MaxLookahead)]
	for i := range next {
		in.ahead.Add(next[i].hash, false, nil)
	}
	in.ahead.RunForNew(in.l.e, next[0].db)
}

func (in *inserter) one(e *entry, key, raw []byte) error {
	d := &in.decoder
	if e.first {
		d.Begin(in.tx, e.typ, key, e.origin)
		d.Native(e.native)
		in.open, in.isOpen = append(in.open[:0], key...), true
	}
	err := d.Feed(raw, e.offset)
	if err == nil && !e.last {
		return nil
	}
	var it table.Item
	if err == nil {
		it, err = d.End()
	}
	switch {
	case errors.Is(err, ErrEmpty): // Redis leaves such a key out as well
		in.isOpen = false
		d.Abandon()
		in.l.empty.Add(1)
		in.l.o.Progress.Keys.Add(-1)
		return nil
	case errors.Is(err, errIncomplete):
		return &FormatError{e.offset, err.Error()}
	case err != nil:
		return err
	}
	in.isOpen = false
	if e.dues != nil {
		var wrong string
		if it, wrong = setDues(in.tx, it, e.dues); wrong != "" {
			in.tx.Discard(it)
			return &FormatError{e.offset, wrong}
		}
	}
	if !in.tx.Adopt(it, in.l.o.Merge) {
		return &FormatError{e.offset, "the file has a key twice: " + strconv.QuoteToASCII(string(key))}
	}
	if e.meta != nil {
		in.tx.SetMeta(in.open, e.meta)
	}
	return nil
}

// abandon frees a value that was not finished.
func (in *inserter) abandon() {
	if !in.isOpen {
		return
	}
	if in.queue != nil {
		in.tx.Begin(in.l.e, 0, in.l.o.NowMS)
		in.tx.LockKey(in.open)
	}
	in.decoder.Abandon()
	if in.queue != nil {
		in.tx.Unlock()
	}
	in.isOpen = false
}
