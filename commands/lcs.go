package commands

import "cached/engine/value"

// lcs replies with the longest common subsequence of two strings: itself, its
// length, or where its pieces lie in both.
func lcs(c *Ctx) error {
	a, errA := c.Tx.String(c.Argv[1])
	b, errB := c.Tx.String(c.Argv[2])
	if errA != nil || errB != nil {
		return ErrLCSType
	}
	var wantLen, wantIdx, withLen bool
	var minLen int64
	for args := c.Args(3); args.More(); {
		switch {
		case args.Is("IDX"):
			wantIdx = true
		case args.Is("LEN"):
			wantLen = true
		case args.Is("WITHMATCHLEN"):
			withLen = true
		case args.Left() > 1 && args.Is("MINMATCHLEN"):
			n, ok := value.ParseInt(args.Next())
			if !ok {
				return ErrNotInt
			}
			minLen = max(n, 0)
		default:
			return ErrSyntax
		}
	}
	if wantIdx && wantLen {
		return ErrLCSBoth
	}
	if cells := (len(a) + 1) * (len(b) + 1); cells*4 > c.Env.MaxBulk() {
		return Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
	}
	t := newLCSTable(a, b)
	switch {
	case wantLen:
		c.Reply.Int(int64(t.at(len(a), len(b))))
	case wantIdx:
		matches := t.matches(minLen)
		c.Reply.Map(2)
		c.Reply.BulkString("matches")
		c.Reply.Array(len(matches))
		for _, m := range matches {
			if c.Reply.Full {
				break
			}
			if withLen {
				c.Reply.Array(3)
			} else {
				c.Reply.Array(2)
			}
			c.replyRange(m.a, m.n)
			c.replyRange(m.b, m.n)
			if withLen {
				c.Reply.Int(int64(m.n))
			}
		}
		c.Reply.BulkString("len")
		c.Reply.Int(int64(t.at(len(a), len(b))))
	default:
		c.Reply.Bulk(t.subsequence())
	}
	return nil
}

func (c *Ctx) replyRange(start, n int) {
	c.Reply.Array(2)
	c.Reply.Int(int64(start))
	c.Reply.Int(int64(start + n - 1))
}

// An lcsTable holds the lengths of the longest common subsequences of all
// prefixes: the textbook's dynamic programming.
type lcsTable struct {
	a, b []byte
	len  []uint32
}

func newLCSTable(a, b []byte) *lcsTable {
	t := &lcsTable{a, b, make([]uint32, (len(a)+1)*(len(b)+1))}
	w := len(b) + 1
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			if a[i-1] == b[j-1] {
				t.len[i*w+j] = t.len[(i-1)*w+j-1] + 1
			} else {
				t.len[i*w+j] = max(t.len[(i-1)*w+j], t.len[i*w+j-1])
			}
		}
	}
	return t
}

func (t *lcsTable) at(i, j int) uint32 { return t.len[i*(len(t.b)+1)+j] }

// walk walks back from the ends of both strings and calls match for each pair of bytes in the subsequence, last
// first.
func (t *lcsTable) walk(match func(i, j int)) {
	for i, j := len(t.a), len(t.b); i > 0 && j > 0; {
		switch {
		case t.a[i-1] == t.b[j-1]:
			i, j = i-1, j-1
			match(i, j)
		case t.at(i-1, j) > t.at(i, j-1):
			i--
		default:
			j--
		}
	}
}

func (t *lcsTable) subsequence() []byte {
	out := make([]byte, t.at(len(t.a), len(t.b)))
	n := len(out)
	t.walk(func(i, _ int) {
		n--
		out[n] = t.a[i]
	})
	return out
}

// A match is a run of n bytes that lies at a in the one string and at b in the
// other.
type match struct{ a, b, n int }

// matches are the runs of the subsequence of at least minLen bytes, last first.
func (t *lcsTable) matches(minLen int64) (out []match) {
	var run match
	emit := func() {
		if run.n > 0 && int64(run.n) >= minLen {
			out = append(out, run)
		}
		run.n = 0
	}
	t.walk(func(i, j int) {
		if run.n > 0 && i == run.a-1 && j == run.b-1 {
			run = match{i, j, run.n + 1}
			return
		}
		emit()
		run = match{i, j, 1}
	})
	emit()
	return out
}
