package server

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cached/commands"
	"cached/engine"
	"cached/engine/value"
)

// A tracking is a client's tracking mode, for invalidating its cache.
type tracking struct {
	options  trackingOptions
	redirect int64    // id of the client that is notified in its place, or 0
	prefixes []string // with BCAST
	caching  bool     // CLIENT CACHING was said for the next command
	broken   atomic.Bool
}

type trackingOptions uint8

const (
	trackBcast trackingOptions = 1 << iota
	trackOptIn
	trackOptOut
	trackNoLoop
)

// A trackingTable remembers which clients may have which keys in their caches, and which clients are notified of
// all keys with some prefix. When a key is changed, or there is no room for it, its clients are notified and it is
// forgotten.
type trackingTable struct {
	clients atomic.Int64 // in tracking mode
	maxKeys atomic.Int64

	mu    sync.Mutex // guards the following; taken under shard locks
	keys  map[string]map[int64]struct{}
	bcast map[*client]*tracking
	all   map[int64]*client // in tracking mode
}

// A stale is a key that a client must no longer use from its cache; flush stands for all keys.
type stale struct {
	id    int64
	key   string
	flush bool

	// For a changed key and a client in broadcasting mode: the client's prefix.
	bcast  bool
	prefix string
}

// remember notes the keys of a command that a tracking client has run. Their shards are still locked, so that a
// later change finds them here.
func (p *Pusher) remember(w *worker, c *client, spec *commands.Spec, argv [][]byte) {
	tr := pushStates.of(c).tracking
	if c.mode&inMulti == 0 && !strings.HasPrefix(spec.FullName(), "client|") {
		defer func() { tr.caching = false }() // it was for this command
	}
	if spec.Flags&commands.ReadOnly == 0 || tr.options&trackBcast != 0 ||
		tr.options&trackOptIn != 0 && !tr.caching || tr.options&trackOptOut != 0 && tr.caching {
		return
	}
	t := &p.tracked
	t.mu.Lock()
	defer t.mu.Unlock()
	spec.EachKey(argv, func(i int, flags commands.KeyFlag) {
		if flags&commands.NotKey != 0 {
			return
		}
		ids := t.keys[string(argv[i])]
		if ids == nil {
			ids = make(map[int64]struct{}, 1)
			t.keys[string(argv[i])] = ids
		}
		ids[c.id] = struct{}{}
	})
	most := int(t.maxKeys.Load())
	for key := range t.keys {
		if most == 0 || len(t.keys) <= most {
			break
		}
		t.forget(w, key, nil)
	}
}

// forget invalidates key for all clients that may have it, except for the client that changed it if that has
// NOLOOP, and for clients that have changed to broadcasting since.
func (t *trackingTable) forget(w *worker, key string, by *client) {
	for id := range t.keys[key] {
		c := t.all[id]
		if c == nil || t.bcast[c] != nil || c == by && pushStates.of(c).tracking.options&trackNoLoop != 0 {
			continue
		}
		addStale(w, stale{id: id, key: key})
	}
	delete(t.keys, key)
}

// addStale has the worker notify a client after the command that runs.
func addStale(w *worker, st stale) {
	work := pushWorks.of(w)
	work.stale = append(work.stale, st)
	w.due = true
}

// Changed collects the clients that are to be notified of a changed key.
func (t *trackingTable) Changed(tx *engine.Tx, key []byte, ev engine.Event) {
	if ev.Class&(engine.ClassMiss|engine.ClassNew) != 0 || ev.Beside || t.clients.Load() == 0 {
		return
	}
	w := workerOfTx(tx)
	if w == nil {
		return
	}
	var by *client
	if ev.Class != engine.ClassExpired && ev.Class != engine.ClassEvicted {
		by, _ = w.ctx.Env.(*client)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys[string(key)] != nil {
		t.forget(w, string(key), by)
	}
	for c, tr := range t.bcast {
		if c == by && tr.options&trackNoLoop != 0 {
			continue
		}
		for _, p := range tr.prefixes {
			if len(key) >= len(p) && string(key[:len(p)]) == p {
				addStale(w, stale{id: c.id, key: string(key), bcast: true, prefix: p})
				break
			}
		}
	}
}

// Swapped does nothing: keys keep their names.
func (t *trackingTable) Swapped(*engine.Tx, int, int) {}

// Flushed notifies all clients in tracking mode that their caches are stale.
func (t *trackingTable) Flushed(tx *engine.Tx, _ int) {
	w := workerOfTx(tx)
	if t.clients.Load() == 0 || w == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.all {
		addStale(w, stale{id: id, flush: true})
	}
	clear(t.keys)
}

// invalidate notifies the collected clients. Notifications for me, whose command it was, follow its reply at once.
// There is one message for each key, but for clients in broadcasting mode one for all keys with the same prefix.
func (p *Pusher) invalidate(w *worker, me *client) {
	work := pushWorks.of(w)
	all := work.stale
	if len(all) == 0 {
		return
	}
	work.stale = nil
	type group struct {
		c      *client
		prefix string
	}
	var together map[group][]string
	tell := func(c *client, keys []string) {
		if c == me {
			p.invalidateClient(w, c, keys, true)
			return
		}
		c.conn.post(func(w *worker, c *client) { p.invalidateClient(w, c, keys, false) })
	}
	for _, st := range all {
		c := p.clientByID(st.id)
		switch {
		case c == nil:
		case st.flush:
			tell(c, nil)
		case st.bcast:
			if together == nil {
				together = make(map[group][]string)
			}
			g := group{c, st.prefix}
			together[g] = append(together[g], st.key)
		default:
			tell(c, []string{st.key})
		}
	}
	for _, g := range slices.SortedFunc(maps.Keys(together), func(a, b group) int { return strings.Compare(a.prefix, b.prefix) }) {
		keys := together[g]
		slices.Sort(keys)
		tell(g.c, slices.Compact(keys))
	}
	clear(all)
	work.stale = all[:0]
}

// invalidateClient notifies a client, on its own goroutine, or the client it is redirected to. keys is nil for all
// keys; mine says that the reply to a command of this client is being written.
func (p *Pusher) invalidateClient(w *worker, c *client, keys []string, mine bool) {
	tr := pushStates.of(c).tracking
	if tr == nil {
		return
	}
	nullProto := c.proto
	if tr.redirect == 0 {
		if c.proto == 3 {
			p.push(c, w, appendInvalidation([]byte(">2\r\n$10\r\ninvalidate\r\n"), keys, nullProto), mine)
		}
		return
	}
	to := p.clientByID(tr.redirect)
	if to == nil {
		tr.broken.Store(true)
		tr.show(c)
		if c.proto == 3 {
			b := []byte(">2\r\n$21\r\ntracking-redir-broken\r\n")
			p.push(c, w, appendLen(b, ':', int(tr.redirect)), mine)
		}
		return
	}
	to.conn.post(func(w *worker, to *client) {
		switch {
		case to.proto == 3:
			p.push(to, w, appendInvalidation([]byte(">2\r\n$10\r\ninvalidate\r\n"), keys, nullProto), false)
		case to.mode&subscribed != 0:
			p.push(to, w, appendInvalidation([]byte("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"), keys, nullProto), false)
		}
	})
}

func appendInvalidation(b []byte, keys []string, proto int) []byte {
	switch {
	case keys == nil && proto == 3:
		return append(b, "_\r\n"...)
	case keys == nil:
		return append(b, "$-1\r\n"...)
	}
	b = appendLen(b, '*', len(keys))
	for _, k := range keys {
		b = appendLen(b, '$', len(k))
		b = append(append(b, k...), '\r', '\n')
	}
	return b
}

// push sends a message that is no reply: behind the reply that is being written, or on its own.
func (p *Pusher) push(c *client, w *worker, b []byte, replying bool) {
	if replying {
		w.reply.B = append(w.reply.B, b...)
		return
	}
	c.add(b)
	c.conn.resume()
}

// untrack ends the tracking mode.
func (p *Pusher) untrack(c *client) {
	st := pushStates.of(c)
	if st.tracking == nil {
		return
	}
	t := &p.tracked
	t.mu.Lock()
	delete(t.bcast, c)
	delete(t.all, c.id)
	t.mu.Unlock()
	t.clients.Add(-1)
	p.hooks.active.Add(-1)
	for _, p := range st.tracking.prefixes {
		c.forgets(len(p))
	}
	st.tracking = nil
	c.mode &^= tracks
	c.shown.tracking.Store(0)
}

func (p *Pusher) clientTracking(c *commands.Ctx) error {
	cl := clientOf(c)
	tr := &tracking{}
	a := c.Args(3)
	for a.More() {
		switch {
		case a.Left() > 1 && a.Is("REDIRECT"):
			id, ok := value.ParseInt(a.Next())
			if tr.redirect != 0 {
				return commands.Error("ERR A client can only redirect to a single other client")
			}
			if !ok {
				return commands.ErrNotInt
			}
			if p.clientByID(id) == nil {
				return commands.Error("ERR The client ID you want redirect to does not exist")
			}
			tr.redirect = id
		case a.Is("BCAST"):
			tr.options |= trackBcast
		case a.Is("OPTIN"):
			tr.options |= trackOptIn
		case a.Is("OPTOUT"):
			tr.options |= trackOptOut
		case a.Is("NOLOOP"):
			tr.options |= trackNoLoop
		case a.Left() > 1 && a.Is("PREFIX"):
			tr.prefixes = append(tr.prefixes, string(a.Next()))
		default:
			return commands.ErrSyntax
		}
	}
	on, err := onOff(c.Argv[2])
	switch {
	case err != nil:
		return err
	case !on:
		p.untrack(cl)
	default:
		if err := tr.check(pushStates.of(cl).tracking); err != nil {
			return err
		}
		p.track(cl, tr)
	}
	c.Reply.OK()
	return nil
}

// check compares new options with each other and with the present ones.
func (tr *tracking) check(old *tracking) error {
	o := tr.options
	switch {
	case o&trackBcast == 0 && len(tr.prefixes) > 0:
		return commands.Error("ERR PREFIX option requires BCAST mode to be enabled")
	case old != nil && (old.options^o)&trackBcast != 0:
		return commands.Error("ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.")
	case o&trackBcast != 0 && o&(trackOptIn|trackOptOut) != 0:
		return commands.Error("ERR OPTIN and OPTOUT are not compatible with BCAST")
	case o&trackOptIn != 0 && o&trackOptOut != 0:
		return commands.Error("ERR You can't specify both OPTIN mode and OPTOUT mode")
	case old != nil && (o&trackOptIn != 0 && old.options&trackOptOut != 0 || o&trackOptOut != 0 && old.options&trackOptIn != 0):
		return commands.Error("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.")
	}
	if o&trackBcast == 0 {
		return nil
	}
	overlap := func(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
	for i, p := range tr.prefixes {
		if old != nil {
			for _, q := range old.prefixes {
				if overlap(p, q) {
					return commands.Error("ERR Prefix '" + p + "' overlaps with an existing prefix '" + q + "'. Prefixes for a single client must not overlap.")
				}
			}
		}
		for _, q := range tr.prefixes[i+1:] {
			if overlap(p, q) {
				return commands.Error("ERR Prefix '" + p + "' overlaps with another provided prefix '" + q + "'. Prefixes for a single client must not overlap.")
			}
		}
	}
	return nil
}

// track takes over checked options. Prefixes of before stay.
func (p *Pusher) track(c *client, tr *tracking) {
	t := &p.tracked
	for _, p := range tr.prefixes {
		c.keeps(len(p))
	}
	st := pushStates.of(c)
	if old := st.tracking; old != nil {
		tr.prefixes = append(append([]string(nil), old.prefixes...), tr.prefixes...)
		tr.options |= old.options &^ trackNoLoop & (trackOptIn | trackOptOut)
	} else {
		t.clients.Add(1)
		p.hooks.active.Add(1)
	}
	if tr.options&trackBcast != 0 && len(tr.prefixes) == 0 {
		tr.prefixes = []string{""}
		c.keeps(0)
	}
	t.mu.Lock()
	t.all[c.id] = c
	if tr.options&trackBcast != 0 {
		t.bcast[c] = tr
	}
	st.tracking = tr
	t.mu.Unlock()
	c.mode |= tracks
	tr.show(c)
}

// show has CLIENT LIST show the client's options.
func (tr *tracking) show(c *client) {
	shown := shownTracks
	if tr.broken.Load() {
		shown |= shownBroken
	}
	if tr.options&trackBcast != 0 {
		shown |= shownBcast
	}
	c.shown.redirect.Store(tr.redirect)
	c.shown.tracking.Store(shown)
}

func (p *Pusher) clientCaching(c *commands.Ctx) error {
	tr := pushStates.of(clientOf(c)).tracking
	if tr == nil {
		return commands.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
	}
	switch {
	case bytes.EqualFold(c.Argv[2], []byte("yes")):
		if tr.options&trackOptIn == 0 {
			return commands.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
		}
	case bytes.EqualFold(c.Argv[2], []byte("no")):
		if tr.options&trackOptOut == 0 {
			return commands.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
		}
	default:
		return commands.ErrSyntax
	}
	tr.caching = true
	c.Reply.OK()
	return nil
}

func (p *Pusher) clientGetredir(c *commands.Ctx) error {
	if tr := pushStates.of(clientOf(c)).tracking; tr != nil {
		c.Reply.Int(tr.redirect)
	} else {
		c.Reply.Int(-1)
	}
	return nil
}

func (p *Pusher) clientTrackinginfo(c *commands.Ctx) error {
	flags, redirect, prefixes := []string{"off"}, int64(-1), []string(nil)
	if tr := pushStates.of(clientOf(c)).tracking; tr != nil {
		flags[0], redirect = "on", tr.redirect
		add := func(on bool, name string) {
			if on {
				flags = append(flags, name)
			}
		}
		add(tr.options&trackBcast != 0, "bcast")
		add(tr.options&trackOptIn != 0, "optin")
		add(tr.options&trackOptIn != 0 && tr.caching, "caching-yes")
		add(tr.options&trackOptOut != 0, "optout")
		add(tr.options&trackOptOut != 0 && tr.caching, "caching-no")
		add(tr.options&trackNoLoop != 0, "noloop")
		add(tr.broken.Load(), "broken_redirect")
		prefixes = tr.prefixes
	}
	c.Reply.Map(3)
	c.Reply.BulkString("flags")
	c.Reply.Set(len(flags))
	for _, f := range flags {
		c.Reply.BulkString(f)
	}
	c.Reply.BulkString("redirect")
	c.Reply.Int(redirect)
	c.Reply.BulkString("prefixes")
	c.Reply.Array(len(prefixes))
	for _, p := range prefixes {
		c.Reply.BulkString(p)
	}
	return nil
}

// sizes counts the remembered keys, the pairs of key and client, and prefixes.
func (t *trackingTable) sizes() (keys, items, prefixes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, ids := range t.keys {
		items += len(ids)
	}
	for _, tr := range t.bcast {
		prefixes += len(tr.prefixes)
	}
	return len(t.keys), items, prefixes
}
