package limit

// A Limiter is a limiter that is being worked on. The zero Limiter is ready for Decode, and
// for the next one afterwards: it keeps its room.
type Limiter struct {
	// NowMS is the time of everything, since Fit.
	NowMS int64

	states [MaxPolicies]state
	n      int // policies
	old    [MaxPolicies]state
	ids    []remembered
	text   []byte // the IDs, one behind the other
}

// A remembered is an ID with what was granted to it.
type remembered struct {
	atMS     int64
	n        int64
	from, to int // in text
}

// A Request is what Take decides about.
type Request struct {
	Cost   int64  // 1 to MaxLimit
	AtMost bool   // less may be granted
	Force  bool   // what is refused is granted, and counts as a debt
	Peek   bool   // nothing is counted: what is left is what there was
	ID     []byte // if not empty: a request of this ID that was granted counts once
}

// A Verdict is the answer.
type Verdict struct {
	Allowed   bool
	Granted   int64
	Remaining int64 // that all policies would grant now
	RetryMS   int64 // when what was refused can be granted; 0 if it was not refused, -1 for never
	ResetMS   int64 // when nothing is used any more
	Refused   int   // the policy that refused and has the longest RetryMS, or -1
	Repeated  bool  // it was granted before, by its ID
}

// Clear makes l a limiter without policies.
func (l *Limiter) Clear() {
	l.n, l.ids, l.text = 0, l.ids[:0], l.text[:0]
}

// Policies is how many policies l has.
func (l *Limiter) Policies() int { return l.n }

// IDs is how many IDs l remembers.
func (l *Limiter) IDs() int { return len(l.ids) }

// Policy returns a policy of l, what can be granted by it now, what was used beyond its
// limit, and in how many milliseconds nothing is used any more.
func (l *Limiter) Policy(i int) (p Policy, available, debt, resetMS int64) {
	s := &l.states[i]
	var over int64
	switch s.Kind {
	case GCRA:
		over = s.level.minus(mul(s.Limit, s.WindowMS)).overUp(s.WindowMS)
	case Sliding:
		over = s.weighted(l.NowMS).minus(mul(s.Limit, s.WindowMS)).overUp(s.WindowMS)
	default:
		over = max(s.used-s.Limit, 0)
	}
	return s.Policy, s.available(l.NowMS), over, s.resetMS(l.NowMS)
}

// Fit brings l to the time nowMS and gives it policies, at most MaxPolicies that Check
// found right; without any it keeps those it has. What one of them has counted goes on for
// the policy of the same kind and window, or else for the next one of the same kind.
func (l *Limiter) Fit(policies []Policy, nowMS int64) {
	l.NowMS = nowMS
	if len(policies) > 0 && !l.has(policies) {
		l.replace(policies)
	}
	for i := range l.n {
		l.states[i].roll(nowMS)
	}
	if len(l.ids) > 0 {
		l.forget()
	}
}

func (l *Limiter) has(policies []Policy) bool {
	if len(policies) != l.n {
		return false
	}
	for i := range policies {
		if l.states[i].Policy != policies[i] {
			return false
		}
	}
	return true
}

// replace gives l other policies.
func (l *Limiter) replace(policies []Policy) {
	from := l.old[:l.n]
	for i := range from { // the logs change places, so that none is lost
		from[i], l.states[i] = l.states[i], from[i]
		from[i].roll(l.NowMS)
	}
	var of [MaxPolicies]int // which state goes on as this policy, from 1
	var taken [MaxPolicies]bool
	for _, sameWindow := range []bool{true, false} {
		for i := range policies {
			for j := range from {
				if of[i] == 0 && !taken[j] && from[j].Kind == policies[i].Kind &&
					(!sameWindow || from[j].WindowMS == policies[i].WindowMS) {
					of[i], taken[j] = j+1, true
				}
			}
		}
	}
	l.n = len(policies)
	for i, p := range policies {
		s := &l.states[i]
		if of[i] == 0 {
			s.fresh(p, l.NowMS)
			continue
		}
		*s, from[of[i]-1] = from[of[i]-1], *s
		s.change(p, l.NowMS)
	}
}

// keepMS is for how long IDs are remembered: the longest window, and IDKeepMS at least.
func (l *Limiter) keepMS() int64 {
	keep := int64(IDKeepMS)
	for i := range l.n {
		keep = max(keep, l.states[i].WindowMS)
	}
	return keep
}

// forget forgets old IDs.
func (l *Limiter) forget() {
	keep := l.keepMS()
	gone := 0
	for gone < len(l.ids) && l.NowMS-l.ids[gone].atMS >= keep {
		gone++
	}
	l.ids = l.ids[:copy(l.ids, l.ids[gone:])]
}

func (l *Limiter) find(id []byte) int {
	for i := len(l.ids) - 1; i >= 0; i-- {
		if r := &l.ids[i]; string(l.text[r.from:r.to]) == string(id) {
			return i
		}
	}
	return -1
}

// Take decides, and counts what it grants. changed reports whether it counted anything.
func (l *Limiter) Take(q Request) (v Verdict, changed bool) {
	v.Refused = -1
	if len(q.ID) > 0 && len(l.ids) > 0 {
		if i := l.find(q.ID); i >= 0 {
			v.Allowed, v.Repeated, v.Granted = true, true, l.ids[i].n
			l.measure(&v)
			return v, false
		}
	}
	cost := q.Cost
	least := l.least()
	if q.AtMost {
		cost = min(cost, least)
	}
	v.Allowed, v.Granted = true, cost
	if cost > least || cost == 0 {
		l.refuse(&v, q)
		if !q.Force {
			v.Allowed, v.Granted = false, 0
			l.measure(&v)
			return v, false
		}
		v.Granted = q.Cost
	}
	if q.Peek {
		l.measure(&v)
		return v, false
	}
	for i := range l.n {
		l.states[i].add(l.NowMS, v.Granted)
	}
	// What was granted is missing from what each policy would have granted.
	v.Remaining, v.ResetMS = max(least-v.Granted, 0), l.ResetMS()
	if len(q.ID) > 0 {
		l.remember(q.ID, v.Granted)
	}
	return v, true
}

// refuse says which policy refuses a request, and for how long.
func (l *Limiter) refuse(v *Verdict, q Request) {
	need := q.Cost
	if q.AtMost {
		need = 1
	}
	for i := range l.n {
		wait := l.states[i].retryMS(l.NowMS, need)
		if wait < 0 {
			v.RetryMS, v.Refused = -1, i
			return
		}
		if wait > v.RetryMS {
			v.RetryMS, v.Refused = wait, i
		}
	}
}

// least is how much all policies would grant.
func (l *Limiter) least() int64 {
	least := int64(MaxLimit)
	for i := range l.n {
		least = min(least, l.states[i].available(l.NowMS))
	}
	return least
}

// measure says what is left.
func (l *Limiter) measure(v *Verdict) {
	v.Remaining = l.least()
	v.ResetMS = l.ResetMS()
}

// ResetMS is how long it takes until nothing of any policy is used any more.
func (l *Limiter) ResetMS() (reset int64) {
	for i := range l.n {
		reset = max(reset, l.states[i].resetMS(l.NowMS))
	}
	return reset
}

// remember notes what was granted to an ID. When there are too many, the oldest is forgotten.
func (l *Limiter) remember(id []byte, n int64) {
	if len(l.ids) >= MaxIDs {
		l.ids = l.ids[:copy(l.ids, l.ids[1:])]
	}
	from := len(l.text)
	l.text = append(l.text, id...)
	l.ids = append(l.ids, remembered{l.NowMS, n, from, len(l.text)})
}

// Refund gives back n of what was used, and returns how much of it was.
func (l *Limiter) Refund(n int64) (back int64) {
	for i := range l.n {
		back = max(back, l.states[i].sub(n))
	}
	return back
}

// RefundID gives back what was granted to an ID, as far as it still counts, and forgets the
// ID. It returns how much that was, and whether the ID was known.
func (l *Limiter) RefundID(id []byte) (back int64, known bool) {
	i := l.find(id)
	if i < 0 {
		return 0, false
	}
	r := l.ids[i]
	l.ids = l.ids[:i+copy(l.ids[i:], l.ids[i+1:])]
	for j := range l.n {
		back = max(back, l.states[j].subOf(r.n, r.atMS))
	}
	return back, true
}
