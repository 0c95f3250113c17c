package commands

import (
	"math"
	"strconv"

	"cached/engine"
	"cached/engine/value"
	"cached/internal/resp"
)

// Values with a lease, a soft deadline and tags: what keeps many clients from computing the
// same value at once. See docs/caching.md.

// Bounds of arguments. The times are milliseconds.
const (
	maxLeaseMS  = 60 * 60 * 1000
	maxCostMS   = 24 * 60 * 60 * 1000
	maxCacheMS  = 100 * 365 * 24 * 60 * 60 * 1000
	retryMS     = 1000 // of CACHE.FAIL without RETRY
	maxMGetKeys = math.MaxInt32
)

const (
	errToken     = Error("ERR TOKEN is not a token that CACHE.GET gives")
	errOtherLife = Error("ERR TOKEN was given by another server or before a restart")
	errTagName   = Error("ERR TAGS: the name of a tag has 1 to 1024 bytes")
	errSoftTTL   = Error("ERR SOFT must be less than TTL")
	errNeedsTTL  = Error("ERR STALEIFERROR needs TTL")
	errNeedsEnd  = Error("ERR COST needs TTL or SOFT")
	errJitterTTL = Error("ERR JITTER needs TTL or SOFT")
	errWaiters   = Error("ERR WAIT: too many clients wait for this key")
)

// missing is the error of an option without its value.
func missing(option string) error { return Error("ERR " + option + " needs a value") }

// twice is the error of an option that was given before.
func twice(option string) error { return Error("ERR " + option + " was given twice") }

// unknownOption is the error of a word that is no option here.
func (c *Ctx) unknownOption(word []byte) error {
	if len(word) > 64 {
		word = word[:64]
	}
	return Error("ERR unknown option '" + cString(word) + "' for '" + c.Spec.FullName() + "'")
}

// between takes the value of an option, an integer from low to high.
func (a *Args) between(option string, low, high int64) int64 {
	if !a.More() {
		a.Fail(missing(option))
		return 0
	}
	n, ok := value.ParseInt(a.Next())
	if !ok || n < low || n > high {
		bounds := strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10)
		a.Fail(Error("ERR " + option + " must be an integer from " + bounds))
		return 0
	}
	return n
}

// once takes the value of an option that is given once, as between does; into is 0 before.
func (a *Args) once(into *int64, option string, low, high int64) {
	if *into != 0 {
		a.Fail(twice(option))
		return
	}
	*into = a.between(option, low, high)
}

// token takes a token.
func (a *Args) token(e *engine.Engine) uint64 {
	if !a.More() {
		a.Fail(missing("TOKEN"))
		return 0
	}
	n, ok := value.ParseInt(a.Next())
	switch {
	case !ok || n <= 0:
		a.Fail(errToken)
	case !e.OfThisLife(uint64(n)):
		a.Fail(errOtherLife)
	}
	return uint64(n)
}

// A cacheRead is what CACHE.GET and CACHE.MGET are asked for.
type cacheRead struct {
	leaseMS, waitMS int64 // 0: not asked for
	stale           bool  // a stale value will do
}

func (c *Ctx) cacheRead(from int, waits bool) (o cacheRead, err error) {
	a := c.Args(from)
	for a.More() {
		switch {
		case a.Is("LEASE"):
			a.once(&o.leaseMS, "LEASE", 1, maxLeaseMS)
		case waits && a.Is("WAIT"):
			a.once(&o.waitMS, "WAIT", 1, maxLeaseMS)
		case a.Is("STALE"):
			o.stale = true
		default:
			return o, c.unknownOption(a.Next())
		}
	}
	return o, a.Err()
}

// A cacheAnswer is what CACHE.GET says of a key.
type cacheAnswer struct {
	status cacheStatus
	text   engine.Text
	null   bool   // there is no value, or it stands for nothing
	token  uint64 // 0: none
	again  int64  // of busy: when to look again, in Unix milliseconds
}

type cacheStatus uint8

const (
	cacheHit cacheStatus = iota
	cacheStale
	cacheMiss
	cacheBusy
)

// cacheHeads are the beginnings of replies up to the value, in RESP2 and RESP3.
var cacheHeads = [...][2]string{
	cacheHit:   {"*3\r\n$3\r\nhit\r\n", "%3\r\n$6\r\nstatus\r\n$3\r\nhit\r\n$5\r\nvalue\r\n"},
	cacheStale: {"*3\r\n$5\r\nstale\r\n", "%3\r\n$6\r\nstatus\r\n$5\r\nstale\r\n$5\r\nvalue\r\n"},
	cacheMiss:  {"*3\r\n$4\r\nmiss\r\n", "%3\r\n$6\r\nstatus\r\n$4\r\nmiss\r\n$5\r\nvalue\r\n"},
	cacheBusy:  {"*3\r\n$4\r\nbusy\r\n", "%3\r\n$6\r\nstatus\r\n$4\r\nbusy\r\n$5\r\nvalue\r\n"},
}

// readCached looks at a key and takes a lease if that is due.
func (c *Ctx) readCached(key []byte, o *cacheRead) (r cacheAnswer, err error) {
	t, f, err := c.Tx.CachedText(key)
	if err != nil {
		return r, clientError(err)
	}
	there := !t.IsNil()
	spent := there && f.EndMS != 0 && c.NowMS >= f.EndMS
	stale := there && !spent && f.StaleMS != 0 && c.NowMS >= f.StaleMS
	r.text, r.null = t, f.Nothing
	if there && !spent && !stale {
		if o.leaseMS > 0 && f.CostMS > 0 && c.refreshesEarly(&f) {
			r.token, _ = c.Tx.TakeLease(key, c.NowMS+o.leaseMS)
		}
		return r, nil
	}
	lease, out := c.Tx.Lease(key)
	resting := out && lease.Token == 0
	switch {
	case resting && there && (f.EndMS != 0 || stale && o.stale):
		r.status = cacheStale // the origin has failed
		return r, nil
	case !out && o.leaseMS > 0:
		r.token, _ = c.Tx.TakeLease(key, c.NowMS+o.leaseMS)
	}
	switch {
	case stale && o.stale:
		r.status = cacheStale
	case out:
		r.status, r.null, r.again = cacheBusy, true, lease.UntilMS
	default:
		r.status, r.null = cacheMiss, true
	}
	return r, nil
}

// refreshesEarly throws the die of "Optimal Probabilistic Cache Stampede Prevention": the
// longer a value takes to compute, the earlier before its end one client is likely to be
// sent to compute it anew.
func (c *Ctx) refreshesEarly(f *engine.Freshness) bool {
	end := f.StaleMS
	for _, at := range []int64{f.EndMS, f.DueMS} {
		if end == 0 || at != 0 && at < end {
			end = at
		}
	}
	u := (float64(c.Random()>>11) + 1) / (1 << 53) // over 0, at most 1
	return float64(f.CostMS)*-math.Log(u) >= float64(end-c.NowMS)
}

// replyCached replies status, value and token: an array, or a map of these names in RESP3.
func (c *Ctx) replyCached(r *cacheAnswer) {
	w, names := c.Reply, 0
	if w.Proto > 2 {
		names = 1
	}
	w.B = append(w.B, cacheHeads[r.status][names]...)
	if r.null {
		w.Null()
	} else {
		c.replyText(r.text)
	}
	if names == 1 {
		w.BulkString("token")
	}
	if r.token == 0 {
		w.Null()
	} else {
		w.BulkInt(int64(r.token))
	}
}

func replyBusy(w *resp.Writer) {
	c := Ctx{Reply: w}
	c.replyCached(&cacheAnswer{status: cacheBusy, null: true})
}

// cacheGet replies a value, or whether this client has the lease to compute it.
func cacheGet(c *Ctx) error {
	o, err := c.cacheRead(2, true)
	if err != nil {
		return err
	}
	key := c.Argv[1]
	r, err := c.readCached(key, &o)
	if err != nil {
		return err
	}
	if r.status == cacheBusy && o.waitMS > 0 {
		if c.Env.TooManyWait(c.Tx.DB, key) {
			return errWaiters
		}
		if c.Env.Block(c, c.Argv[1:2], c.NowMS+o.waitMS, replyBusy) {
			c.Env.WakeAt(c.Tx.DB, key, r.again)
			return nil
		}
	}
	c.replyCached(&r)
	return nil
}

func cacheMGet(c *Ctx) error {
	a := c.Args(1)
	n := int(a.between("numkeys", 1, maxMGetKeys))
	if err := a.Err(); err != nil {
		return err
	}
	if n > a.Left() {
		return Error("ERR numkeys is greater than the number of keys")
	}
	keys := c.Argv[2 : 2+n]
	o, err := c.cacheRead(2+n, false)
	if err != nil {
		return err
	}
	c.Reply.Array(n)
	for _, key := range keys {
		r, err := c.readCached(key, &o)
		if err != nil { // a value of another type is no value here
			r = cacheAnswer{status: cacheMiss, null: true}
		}
		c.replyCached(&r)
	}
	return nil
}

// A cacheWrite is what CACHE.SET is asked for. The times are milliseconds, 0 for none.
type cacheWrite struct {
	token, version     uint64
	fenced, versioned  bool
	ttl, soft, ifError int64
	jitter, cost       int64
	tags               []string
	tagged, negative   bool
}

func (c *Ctx) cacheWrite() (o cacheWrite, err error) {
	a := c.Args(3)
	for a.More() {
		switch {
		case a.Is("TOKEN"):
			if o.fenced {
				a.Fail(twice("TOKEN"))
			}
			o.token, o.fenced = a.token(c.Tx.Engine()), true
		case a.Is("TTL"):
			a.once(&o.ttl, "TTL", 1, maxCacheMS)
		case a.Is("SOFT"):
			a.once(&o.soft, "SOFT", 1, maxCacheMS)
		case a.Is("STALEIFERROR"):
			a.once(&o.ifError, "STALEIFERROR", 1, maxCacheMS)
		case a.Is("JITTER"):
			a.once(&o.jitter, "JITTER", 1, 100)
		case a.Is("COST"):
			a.once(&o.cost, "COST", 1, maxCostMS)
		case a.Is("VERSION"):
			if o.versioned {
				a.Fail(twice("VERSION"))
			}
			o.version, o.versioned = uint64(a.between("VERSION", 0, math.MaxInt64)), true
		case a.Is("TAGS"):
			if o.tagged {
				a.Fail(twice("TAGS"))
			}
			n := int(a.between("TAGS", 1, int64(c.Tx.Engine().TagLimit())))
			if a.Err() == nil && n > a.Left() {
				a.Fail(Error("ERR TAGS says " + strconv.Itoa(n) + " tags and fewer follow"))
			}
			o.tagged = true
			for range n {
				o.tags = a.tag(o.tags)
			}
		case a.Is("NEGATIVE"):
			o.negative = true
		default:
			return o, c.unknownOption(a.Next())
		}
	}
	switch {
	case a.Err() != nil:
		return o, a.Err()
	case o.ttl != 0 && o.soft >= o.ttl:
		return o, errSoftTTL
	case o.ifError != 0 && o.ttl == 0:
		return o, errNeedsTTL
	case o.cost != 0 && o.ttl == 0 && o.soft == 0:
		return o, errNeedsEnd
	case o.jitter != 0 && o.ttl == 0 && o.soft == 0:
		return o, errJitterTTL
	}
	return o, nil
}

// tag takes the name of a tag and appends it, unless it is there.
func (a *Args) tag(names []string) []string {
	b := a.Next()
	if a.Err() != nil {
		return names
	}
	if len(b) == 0 || len(b) > engine.MaxTagName {
		a.Fail(errTagName)
		return names
	}
	for _, t := range names {
		if t == string(b) {
			return names
		}
	}
	return append(names, string(b))
}

// spread shortens TTL and SOFT by the same random share of at most jitter percent.
func (c *Ctx) spread(o *cacheWrite) {
	if o.jitter == 0 {
		return
	}
	share := 1 - float64(c.Random()>>11)/(1<<53)*float64(o.jitter)/100
	shorten := func(ms *int64) {
		if *ms != 0 {
			*ms = max(1, int64(float64(*ms)*share))
		}
	}
	shorten(&o.ttl)
	shorten(&o.soft)
}

// cacheSet stores a value and what is to be known of it. The effects are a SET with the
// deadline as a moment, and the metadata.
func cacheSet(c *Ctx) error {
	o, err := c.cacheWrite()
	if err != nil {
		return err
	}
	key, v := c.Argv[1], c.Argv[2]
	if o.fenced && !c.Tx.Redeem(key, o.token, o.tags) {
		c.Reply.Null()
		return nil
	}
	if o.versioned {
		if newest, ok := c.Tx.Version(key); ok && newest > o.version {
			c.Reply.Null()
			return nil
		}
	}
	c.spread(&o)
	m := engine.Meta{Nothing: o.negative, Tags: o.tags}
	due := int64(0)
	if o.ttl != 0 {
		due = c.NowMS + o.ttl + o.ifError
	}
	if o.ifError != 0 {
		m.Set(engine.MetaEndMS, uint64(c.NowMS+o.ttl))
	}
	if o.soft != 0 {
		m.Set(engine.MetaSoftMS, uint64(c.NowMS+o.soft))
	}
	if o.cost != 0 {
		m.Set(engine.MetaCostMS, uint64(o.cost))
	}
	if o.versioned {
		m.Set(engine.MetaVersion, o.version)
	}
	c.setAt(key, v, due, due != 0)
	if due == 0 {
		c.Propagate("SET", key, v)
	}
	if !m.IsZero() {
		c.Tx.SetMeta(key, &m)
		c.propagateMeta(key, &m)
	}
	c.Reply.OK()
	return nil
}

// cacheFail says that the client with a token could not compute the value.
func cacheFail(c *Ctx) error {
	a := c.Args(2)
	token := a.token(c.Tx.Engine())
	retry := int64(0)
	for a.More() {
		if !a.Is("RETRY") {
			return c.unknownOption(a.Next())
		}
		a.once(&retry, "RETRY", 1, maxLeaseMS)
	}
	if err := a.Err(); err != nil {
		return err
	}
	if retry == 0 {
		retry = retryMS
	}
	if c.Tx.Rest(c.Argv[1], token, c.NowMS+retry) {
		c.Reply.Int(1)
	} else {
		c.Reply.Int(0)
	}
	return nil
}

// cachePurge ends all keys with a prefix, or makes them stale.
func cachePurge(c *Ctx) error {
	a := c.Args(1)
	if !a.Is("PREFIX") {
		return c.unknownOption(a.Next())
	}
	prefix, soft := a.Next(), false
	for a.More() {
		if !a.Is("SOFT") {
			return c.unknownOption(a.Next())
		}
		soft = true
	}
	n := c.Tx.EstimatePrefix(prefix)
	since := int64(0)
	if soft {
		since = c.NowMS
	}
	if err := c.Tx.PurgePrefix(prefix, since); err != nil {
		return Error("ERR " + err.Error() + ", try again in a moment")
	}
	var d decimal
	c.Propagate("CACHE.PURGED", []byte("PREFIX"), d.of(since), prefix)
	c.Reply.Int(int64(n))
	return nil
}

// cachePurged is what the log says of an invalidation: of tags or of a prefix, and since
// when what it concerns is stale, 0 if it is gone.
func cachePurged(c *Ctx) error {
	a := c.Args(1)
	tags := a.Is("TAG")
	if !tags && !a.Is("PREFIX") {
		return c.unknownOption(a.Next())
	}
	since := a.between("since", 0, math.MaxInt64)
	if err := a.Err(); err != nil {
		return err
	}
	if tags {
		var names []string
		for a.More() {
			names = a.tag(names)
		}
		if err := a.Err(); err != nil {
			return err
		}
		c.Tx.InvalidateTags(names, since)
	} else {
		prefix := a.Next()
		if err := a.End(); err != nil {
			return err
		}
		if err := c.Tx.PurgePrefix(prefix, since); err != nil {
			return Error("ERR " + err.Error())
		}
	}
	c.Reply.OK()
	return nil
}
