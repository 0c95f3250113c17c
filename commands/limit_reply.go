package commands

import (
	"strconv"
	"strings"

	"cached/engine/value"
	"cached/internal/limit"
)

// replyVerdict replies what LIMIT.TAKE has decided.
func (c *Ctx) replyVerdict(t *takeCall, l *limit.Limiter, v *limit.Verdict) {
	n := 6
	if len(t.ID) > 0 {
		n++
	}
	if t.headers {
		n += 3
	}
	w := c.Reply
	w.Map(n)
	if v.Allowed && v.Granted == 1 && v.RetryMS == 0 { // nearly always, and in two pieces
		w.IntAfter("$7\r\nallowed\r\n:1\r\n$7\r\ngranted\r\n:1\r\n$9\r\nremaining\r\n", v.Remaining)
		w.IntAfter("$14\r\nretry_after_ms\r\n:0\r\n$8\r\nreset_ms\r\n", v.ResetMS)
	} else {
		w.IntAfter("$7\r\nallowed\r\n", boolean(v.Allowed))
		w.IntAfter("$7\r\ngranted\r\n", v.Granted)
		w.IntAfter("$9\r\nremaining\r\n", v.Remaining)
		w.IntAfter("$14\r\nretry_after_ms\r\n", v.RetryMS)
		w.IntAfter("$8\r\nreset_ms\r\n", v.ResetMS)
	}
	w.BulkString("refused_by")
	if v.Refused < 0 {
		w.Null()
	} else {
		w.Bulk(t.appendLabel(nil, v.Refused))
	}
	if len(t.ID) > 0 {
		w.BulkString("repeated")
		w.Int(boolean(v.Repeated))
	}
	if t.headers {
		c.replyHeaders(t, l, v)
	}
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// appendLabel appends what a client calls a policy.
func (t *takeCall) appendLabel(b []byte, i int) []byte {
	l := t.labels[i]
	if l.name != nil {
		b = append(b, l.name...)
	} else {
		b = append(b, strings.ToLower(t.policies[i].Kind.String())...)
		if t.n == 1 {
			return b
		}
	}
	if l.place > 0 {
		b = strconv.AppendInt(append(b, '-'), int64(l.place), 10)
	}
	return b
}

// maxHeader is the largest integer of a structured field of HTTP.
const maxHeader = 999_999_999_999_999

// headerSeconds are milliseconds as seconds, rounded up.
func headerSeconds(ms int64) int64 { return min((ms+999)/1000, maxHeader) }

// replyHeaders replies the values of RateLimit and RateLimit-Policy (the draft
// ietf-httpapi-ratelimit-headers) and of Retry-After, which is null if there is nothing to
// wait for.
func (c *Ctx) replyHeaders(t *takeCall, l *limit.Limiter, v *limit.Verdict) {
	var left, policy []byte
	number := func(b []byte, name string, n int64) []byte {
		return strconv.AppendInt(append(b, name...), min(n, maxHeader), 10)
	}
	for i := range t.n {
		p, available, _, resetMS := l.Policy(i)
		if i > 0 {
			left, policy = append(left, ", "...), append(policy, ", "...)
		}
		left = append(t.appendLabel(append(left, '"'), i), '"')
		left = number(number(left, ";r=", available), ";t=", headerSeconds(resetMS))
		policy = append(t.appendLabel(append(policy, '"'), i), '"')
		policy = number(number(policy, ";q=", p.Limit), ";w=", headerSeconds(p.SpanMS()))
	}
	w := c.Reply
	w.BulkString("RateLimit")
	w.Bulk(left)
	w.BulkString("RateLimit-Policy")
	w.Bulk(policy)
	w.BulkString("Retry-After")
	if v.RetryMS <= 0 {
		w.Null()
		return
	}
	w.BulkInt(headerSeconds(v.RetryMS))
}

// limitInfo replies what a limiter has counted, by the policies it was last given.
func limitInfo(c *Ctx) error {
	key := c.Argv[1]
	s, err := c.Tx.State(key, value.Limiter)
	switch {
	case err != nil:
		return clientError(err)
	case !s.Exists():
		c.Reply.Null()
		return nil
	}
	w := c.Reply
	if _, ok := limit.ReadCell(s.Bytes(), s.DeadlineMS()); ok {
		w.Map(2)
		w.BulkString("kind")
		w.BulkString("cl.throttle")
		w.BulkString("reset_ms")
		w.Int(max(s.DeadlineMS()-c.NowMS, 0))
		return nil
	}
	l, _, err := c.openLimiter(key)
	if err != nil {
		return err
	}
	l.Fit(nil, c.NowMS)
	w.Map(4)
	w.BulkString("kind")
	w.BulkString("limit")
	w.BulkString("reset_ms")
	w.Int(l.ResetMS())
	w.BulkString("ids")
	w.Int(int64(l.IDs()))
	w.BulkString("policies")
	w.Array(l.Policies())
	for i := range l.Policies() {
		p, available, debt, resetMS := l.Policy(i)
		w.Map(4)
		w.BulkString("policy")
		w.Bulk(p.AppendText(nil))
		w.BulkString("remaining")
		w.Int(available)
		w.BulkString("debt")
		w.Int(debt)
		w.BulkString("reset_ms")
		w.Int(resetMS)
	}
	return nil
}
