package limit

import (
	"errors"
	"strconv"
)

// A Kind is an algorithm.
type Kind uint8

// The kinds. Their numbers are in files.
const (
	// GCRA grants up to Limit at once, and Count per Window evenly: what was used comes
	// back in equal steps.
	GCRA Kind = 1
	// Bucket grants up to Limit at once; Count come back together at the end of each
	// Window since the bucket was last full.
	Bucket Kind = 2
	// Fixed grants Limit in a window that begins with its first request.
	Fixed Kind = 3
	// Aligned is Fixed with windows that begin at multiples of Window since 1970 (UTC).
	Aligned Kind = 4
	// Sliding has two counters, of this aligned window and of the one before, and takes the
	// older one for the part of it that the last Window still covers.
	Sliding Kind = 5
	// Log knows when each grant was, and grants Limit in any stretch of Window.
	Log Kind = 6

	lastKind = Log
)

var kindNames = [...]string{GCRA: "GCRA", Bucket: "BUCKET", Fixed: "FIXED", Aligned: "FIXED", Sliding: "SLIDING", Log: "LOG"}

// String is the word that names the kind in a command.
func (k Kind) String() string { return kindNames[k] }

// Bounds.
const (
	MaxPolicies = 8                         // of a limiter
	MaxLimit    = 1_000_000_000_000_000_000 // of Limit, Count and costs
	MaxLog      = 10_000                    // of Limit for Log, which keeps each grant
	MaxWindowMS = 1000 * 366 * 24 * hourMS  // and the longest time for all of Limit to come back
	MaxIDs      = 128                       // remembered by a limiter; the oldest are forgotten first
	MaxIDBytes  = 128                       // of an ID
	IDKeepMS    = 60_000                    // for how long an ID is remembered at least
	maxUsed     = 2 * MaxLimit              // debts beyond are not counted
	secondMS    = 1000
	minuteMS    = 60 * secondMS
	hourMS      = 60 * minuteMS
	dayMS       = 24 * hourMS
)

// A Policy is a kind with its numbers.
type Policy struct {
	Kind     Kind
	Limit    int64 // how much at once, or in a window: 1 to MaxLimit
	Count    int64 // how much comes back in Window, for GCRA and Bucket: 1 to MaxLimit; else 0
	WindowMS int64 // 1 to MaxWindowMS
}

var (
	errLimit  = errors.New("limit must be 1 to 1000000000000000000")
	errBurst  = errors.New("burst must be 1 to 1000000000000000000")
	errCap    = errors.New("capacity must be 1 to 1000000000000000000")
	errCount  = errors.New("count must be 1 to 1000000000000000000")
	errRefill = errors.New("refill must be 1 to 1000000000000000000")
	errLog    = errors.New("limit of LOG must be 1 to " + strconv.Itoa(MaxLog))
	errWindow = errors.New("window must be 1 ms to 1000 years")
	errPeriod = errors.New("period must be 1 ms to 1000 years")
	errSpan   = errors.New("what is used up must come back within 1000 years")
)

// Check says what is wrong with a policy, and names the argument.
func (p *Policy) Check() error {
	if p.Kind < GCRA || p.Kind > lastKind {
		return errors.New("unknown kind of policy")
	}
	rate := p.Kind == GCRA || p.Kind == Bucket
	switch {
	case p.Limit < 1 || p.Limit > MaxLimit:
		switch p.Kind {
		case GCRA:
			return errBurst
		case Bucket:
			return errCap
		case Log:
			return errLog
		}
		return errLimit
	case p.Kind == Log && p.Limit > MaxLog:
		return errLog
	case p.WindowMS < 1 || p.WindowMS > MaxWindowMS:
		if rate {
			return errPeriod
		}
		return errWindow
	case rate && (p.Count < 1 || p.Count > MaxLimit):
		if p.Kind == GCRA {
			return errCount
		}
		return errRefill
	case rate && p.SpanMS() > MaxWindowMS:
		return errSpan
	}
	return nil
}

// SpanMS is how long it takes until all of Limit has come back.
func (p *Policy) SpanMS() int64 {
	switch p.Kind {
	case GCRA:
		return mul(p.Limit, p.WindowMS).overUp(p.Count)
	case Bucket:
		return mul((p.Limit-1)/p.Count+1, p.WindowMS).over(1)
	}
	return p.WindowMS
}

// ParseTime reads a time in milliseconds: a whole number, with ms, s, m, h or d behind it or
// nothing.
func ParseTime(b []byte) (ms int64, ok bool) {
	unit := int64(1)
	n := len(b)
	if n > 1 {
		switch b[n-1] | 0x20 {
		case 's':
			unit, n = secondMS, n-1
			if b[n-1]|0x20 == 'm' {
				unit, n = 1, n-1
			}
		case 'm':
			unit, n = minuteMS, n-1
		case 'h':
			unit, n = hourMS, n-1
		case 'd':
			unit, n = dayMS, n-1
		}
	}
	if n == 0 || n > 18 {
		return 0, false
	}
	for _, c := range b[:n] {
		if c < '0' || c > '9' {
			return 0, false
		}
		ms = ms*10 + int64(c-'0')
	}
	if ms > (1<<63-1)/unit {
		return 0, false
	}
	return ms * unit, true
}

// units are those in which times are written: how long, and how many there may be.
var units = [...]struct {
	ms, most int64
	name     string
}{{1, MaxWindowMS, "ms"}, {secondMS, MaxWindowMS / secondMS, "s"}, {minuteMS, MaxWindowMS / minuteMS, "m"},
	{hourMS, MaxWindowMS / hourMS, "h"}, {dayMS, MaxWindowMS / dayMS, "d"}}

// inUnits is ms in the longest unit of which it is a multiple.
func inUnits(ms int64) (n int64, unit int) {
	// Division by constants is quick, and most windows are a few of some unit.
	switch {
	case ms%secondMS != 0:
		return ms, 0
	case ms%minuteMS != 0:
		return ms / secondMS, 1
	case ms%hourMS != 0:
		return ms / minuteMS, 2
	case ms%dayMS != 0:
		return ms / hourMS, 3
	}
	return ms / dayMS, 4
}

// AppendText appends the words of p, as a command has them.
func (p *Policy) AppendText(b []byte) []byte {
	b = append(b, p.Kind.String()...)
	b = strconv.AppendInt(append(b, ' '), p.Limit, 10)
	if p.Kind == GCRA || p.Kind == Bucket {
		b = strconv.AppendInt(append(b, ' '), p.Count, 10)
	}
	n, u := inUnits(p.WindowMS)
	b = append(strconv.AppendInt(append(b, ' '), n, 10), units[u].name...)
	if p.Kind == Aligned {
		b = append(b, " ALIGNED"...)
	}
	return b
}
