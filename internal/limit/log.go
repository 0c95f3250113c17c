package limit

import "encoding/binary"

// each calls f with the time and the grants of each entry of a Log, the oldest first, until
// f returns false.
func (s *state) each(f func(at, n int64) bool) {
	at := s.firstMS
	for b := s.log; len(b) > 0; {
		d, i := binary.Uvarint(b)
		n, j := binary.Uvarint(b[i:])
		b = b[i+j:]
		at += int64(d)
		if !f(at, int64(n)) {
			return
		}
	}
}

// drop forgets the entries that are older than the window.
func (s *state) drop(now int64) {
	gone, count, first, used := 0, 0, s.firstMS, int64(0)
	at := s.firstMS
	for b := s.log; len(b) > 0; {
		d, i := binary.Uvarint(b)
		n, j := binary.Uvarint(b[i:])
		at += int64(d)
		if now-at < s.WindowMS {
			first = at
			break
		}
		b = b[i+j:]
		gone += i + j
		count++
		used += int64(n)
	}
	if gone == 0 {
		return
	}
	s.entries -= count
	s.used = max(s.used-used, 0)
	s.log = s.log[gone:]
	if s.entries == 0 {
		s.log, s.used = s.log[:0], 0
		return
	}
	// The first entry that stays counts from its own time.
	_, i := binary.Uvarint(s.log)
	s.log = s.log[i-1:]
	s.log[0] = 0
	s.firstMS = first
}

// append adds an entry. One of the same millisecond, or of a later one after the clock was
// set back, takes it in, and the last does when there are too many.
func (s *state) append(now, n int64) {
	if s.entries > 0 && (now <= s.lastMS || s.entries >= maxEntries) {
		s.mergeLast(now, n)
		return
	}
	d := int64(0)
	if s.entries == 0 {
		s.firstMS = now
	} else {
		d = now - s.lastMS
	}
	s.log = binary.AppendUvarint(binary.AppendUvarint(s.log, uint64(d)), uint64(n))
	s.entries++
	s.lastMS = now
}

// mergeLast adds n to the last entry, which is then of now if that is later.
func (s *state) mergeLast(now, n int64) {
	last, at := 0, int64(0)
	var d, have uint64
	for i := 0; i < len(s.log); {
		last = i
		var w int
		d, w = binary.Uvarint(s.log[i:])
		i += w
		have, w = binary.Uvarint(s.log[i:])
		i += w
		at += int64(d)
	}
	if later := now - s.lastMS; later > 0 {
		if last == 0 {
			s.firstMS += later
		} else {
			d += uint64(later)
		}
		s.lastMS = now
	}
	s.log = binary.AppendUvarint(binary.AppendUvarint(s.log[:last], d), min(have+uint64(n), maxUsed))
}

// cut takes n away from the entries, the newest first, or only from the one of a time that is
// not negative, and returns how much it took. used is as it was.
func (s *state) cut(n, of int64) (took int64) {
	type entry struct{ at, n int64 }
	var all []entry
	s.each(func(at, n int64) bool { all = append(all, entry{at, n}); return true })
	for i := len(all) - 1; i >= 0 && took < n; i-- {
		if of < 0 || all[i].at == of {
			x := min(n-took, all[i].n)
			all[i].n -= x
			took += x
		}
	}
	s.log, s.entries = s.log[:0], 0
	for _, e := range all {
		if e.n > 0 {
			s.append(e.at, e.n)
		}
	}
	return took
}
