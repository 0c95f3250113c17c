package limit

import (
	"encoding/binary"
	"errors"
)

// Forms of a limiter's bytes, which the first byte tells. That of Throttle has a first byte
// below them.
const (
	formGCRA    = 0x81 // one GCRA without IDs
	formGeneral = 0x82
)

// What is wrong with the bytes of a limiter.
var (
	ErrCell  = errors.New("the limiter is one of CL.THROTTLE")
	ErrBytes = errors.New("the state of the limiter is malformed")
)

// GCRA alone, by far the most common, is as small as it can be: the time at which all has
// come back is the deadline of its key and nowhere else, and what is missing to that whole
// millisecond is remains, in 1/Count of one. With usual numbers that is 5 to 8 bytes.
//
//	form | remains | Limit | Count | Window
//
// The other form has absolute times:
//
//	form | number of policies | policies | number of IDs | IDs

// Append appends the bytes of l, and says when its key is to expire, or 0 if there is nothing
// to keep. l has policies.
func (l *Limiter) Append(b []byte) (bytes []byte, deadlineMS int64) {
	reset := l.ResetMS()
	if len(l.ids) > 0 {
		reset = max(reset, l.ids[len(l.ids)-1].atMS+l.keepMS()-l.NowMS)
	}
	if reset <= 0 {
		return b, 0
	}
	deadlineMS = l.NowMS + reset
	if s := &l.states[0]; l.n == 1 && s.Kind == GCRA && len(l.ids) == 0 {
		b = binary.AppendUvarint(append(b, formGCRA), s.remains(reset))
		return appendNumbers(b, &s.Policy), deadlineMS
	}
	b = append(b, formGeneral, byte(l.n))
	for i := range l.n {
		b = l.states[i].append1(b, l.NowMS)
	}
	b = append(b, byte(len(l.ids)))
	for i := range l.ids {
		r := &l.ids[i]
		b = binary.AppendUvarint(b, uint64(r.atMS))
		b = binary.AppendUvarint(b, uint64(r.n))
		b = append(append(b, byte(r.to-r.from)), l.text[r.from:r.to]...)
	}
	return b, deadlineMS
}

// remains is what level is less than Count times ms, its quotient rounded up.
func (s *state) remains(ms int64) uint64 { return mul(ms, s.Count).minus(s.level).lo }

// appendNumbers appends the numbers of a policy.
func appendNumbers(b []byte, p *Policy) []byte {
	b = binary.AppendUvarint(b, uint64(p.Limit))
	if p.Kind == GCRA || p.Kind == Bucket {
		b = binary.AppendUvarint(b, uint64(p.Count))
	}
	n, u := inUnits(p.WindowMS)
	return binary.AppendUvarint(b, uint64(n)<<3|uint64(u))
}

// append1 appends one policy of the general form.
func (s *state) append1(b []byte, now int64) []byte {
	b = appendNumbers(append(b, byte(s.Kind)), &s.Policy)
	switch s.Kind {
	case GCRA:
		ms := s.level.overUp(s.Count)
		b = binary.AppendUvarint(b, uint64(now+ms))
		b = binary.AppendUvarint(b, s.remains(ms))
		return binary.AppendUvarint(b, uint64(s.sinceMS))
	case Log:
		b = binary.AppendUvarint(b, uint64(s.used))
		b = binary.AppendUvarint(b, uint64(s.entries))
		b = binary.AppendUvarint(b, uint64(s.firstMS))
		b = binary.AppendUvarint(b, uint64(s.lastMS))
		b = binary.AppendUvarint(b, uint64(len(s.log)))
		return append(b, s.log...)
	}
	b = binary.AppendUvarint(b, uint64(s.startMS))
	b = binary.AppendUvarint(b, uint64(s.used))
	switch s.Kind {
	case Bucket:
		b = binary.AppendUvarint(b, uint64(s.sinceMS))
	case Sliding:
		b = binary.AppendUvarint(b, uint64(s.before))
	}
	return b
}

// A reader reads numbers, none of them larger than MaxInt64.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) number() int64 {
	if len(r.b) > 0 && r.b[0] < 0x80 { // most are short
		n := int64(r.b[0])
		r.b = r.b[1:]
		return n
	}
	n, w := binary.Uvarint(r.b)
	if w <= 0 || n > 1<<63-1 {
		r.bad = true
		r.b = nil
		return 0
	}
	r.b = r.b[w:]
	return int64(n)
}

// amount is a number of at most maxUsed.
func (r *reader) amount() int64 {
	n := r.number()
	if n > maxUsed {
		r.bad = true
		return 0
	}
	return n
}

// time is a number of milliseconds that sums do not overflow with.
func (r *reader) time() int64 {
	n := r.number()
	if n > 1<<62 {
		r.bad = true
		return 0
	}
	return n
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) bytes(n int64) []byte {
	if n > int64(len(r.b)) {
		r.bad = true
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

// numbers reads the numbers of a policy of its kind.
func (r *reader) numbers(p *Policy) {
	p.Limit, p.Count = r.number(), 0
	if p.Kind == GCRA || p.Kind == Bucket {
		p.Count = r.number()
	}
	t := r.number()
	u, n := t&7, t>>3
	if int(u) >= len(units) || n > units[u].most {
		r.bad = true
		return
	}
	p.WindowMS = n * units[u].ms
	if p.Check() != nil {
		r.bad = true
	}
}

// Decode makes l what Append has written, as of nowMS. deadlineMS is when the key expires, or
// 0. Fit follows, with the same time. b is not kept.
func (l *Limiter) Decode(b []byte, deadlineMS, nowMS int64) error {
	l.Clear()
	l.NowMS = nowMS
	if len(b) == 0 {
		return ErrBytes
	}
	r := reader{b: b[1:]}
	switch b[0] {
	case formGCRA:
		s := &l.states[0]
		s.Kind = GCRA
		remains := r.number()
		r.numbers(&s.Policy)
		if r.bad || len(r.b) > 0 {
			return ErrBytes
		}
		s.refill(deadlineMS, remains, nowMS)
		s.sinceMS = nowMS
		l.n = 1
		return nil
	case formGeneral:
		n := r.byte()
		if n == 0 || n > MaxPolicies {
			return ErrBytes
		}
		for i := range int(n) {
			l.states[i].read(&r, nowMS)
			if r.bad {
				return ErrBytes
			}
		}
		l.n = int(n)
		l.readIDs(&r)
		if r.bad || len(r.b) > 0 {
			l.Clear()
			return ErrBytes
		}
		return nil
	}
	if isCell(b) {
		return ErrCell
	}
	return ErrBytes
}

// refill sets level from the time at which all will have come back.
func (s *state) refill(fullMS, remains, now int64) {
	s.level = wide{}
	if fullMS > now {
		// Nothing this code writes is longer; what came from elsewhere is cut.
		s.level = mul(min(fullMS-now, 4*MaxWindowMS), s.Count).minus(wide{0, uint64(remains)})
	}
}

func (s *state) read(r *reader, now int64) {
	*s = state{Policy: Policy{Kind: Kind(r.byte())}, log: s.log[:0]}
	if s.Kind < GCRA || s.Kind > lastKind {
		r.bad = true
		return
	}
	r.numbers(&s.Policy)
	if r.bad {
		return
	}
	switch s.Kind {
	case GCRA:
		full := r.time()
		remains := r.number()
		s.sinceMS = r.time()
		s.refill(full, remains, now)
		return
	case Log:
		s.readLog(r)
		return
	}
	s.startMS = r.time()
	s.used = r.amount()
	switch s.Kind {
	case Bucket:
		s.sinceMS = r.time()
	case Sliding:
		s.before = r.amount()
	}
}

// readLog reads the entries of a Log, which must be what the numbers in front say.
func (s *state) readLog(r *reader) {
	s.used = r.amount()
	entries := r.number()
	s.firstMS, s.lastMS = r.time(), r.time()
	s.log = append(s.log, r.bytes(r.number())...)
	if entries > maxEntries {
		r.bad = true
		return
	}
	s.entries = int(entries)
	at, n := s.firstMS, 0
	for e := (reader{b: s.log}); len(e.b) > 0; n++ {
		at += e.time()
		e.amount()
		if e.bad || at < 0 || at > s.lastMS {
			r.bad = true
			return
		}
	}
	if n != s.entries || n > 0 && at != s.lastMS {
		r.bad = true
	}
}

func (l *Limiter) readIDs(r *reader) {
	n := int(r.byte())
	if n > MaxIDs {
		r.bad = true
	}
	for ; n > 0 && !r.bad; n-- {
		at, granted := r.time(), r.amount()
		id := r.bytes(int64(r.byte()))
		if len(id) > MaxIDBytes {
			r.bad = true
		}
		from := len(l.text)
		l.text = append(l.text, id...)
		l.ids = append(l.ids, remembered{at, granted, from, len(l.text)})
	}
}

// ReadPolicies appends to to what AppendPolicies has written.
func ReadPolicies(text string, to []Policy) ([]Policy, bool) {
	r := reader{b: []byte(text)}
	for len(r.b) > 0 && !r.bad {
		p := Policy{Kind: Kind(r.byte())}
		r.numbers(&p)
		to = append(to, p)
	}
	return to, !r.bad && len(to) <= MaxPolicies
}

// AppendPolicies appends policies, for ReadPolicies.
func AppendPolicies(b []byte, all []Policy) []byte {
	for i := range all {
		b = appendNumbers(append(b, byte(all[i].Kind)), &all[i])
	}
	return b
}
