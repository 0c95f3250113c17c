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

// A tracking is what a client wants to hear of changed keys, for its cache.
type tracking struct {
	options  trackingOptions
	redirect int64    // the client that hears of it in its place, or 0
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

// A trackingTable remembers which clients may have which keys in their caches,
// and who wants to hear of every key with some prefix. A key that is changed, or
// for which there is no room, is told to them and forgotten.
type trackingTable struct {
	clients atomic.Int64 // in tracking mode
	maxKeys atomic.Int64

	mu    sync.Mutex // guards what follows; taken under shard locks
	keys  map[string]map[int64]struct{}
	bcast map[*client]*tracking
	all   map[int64]*client // in tracking mode
}

// A stale is a key that a client must not use from its cache any more; flush
// stands for all keys.
type stale struct {
	id    int64
	key   string
	flush bool

	// Of a key that was changed for a client that hears of all with a prefix.
	bcast  bool
	prefix string
}

// remember notes the keys of a command that a tracking client has run. Their
// shards are still locked: whoever changes one later finds it here.
func (w *worker) remember(c *client, spec *commands.Spec, argv [][]byte) {
	tr := c.tracking
	if c.mode&inMulti == 0 && !strings.HasPrefix(spec.FullName(), "client|") {
		defer func() { tr.caching = false }() // it was for this command
	}
	if spec.Flags&commands.ReadOnly == 0 || tr.options&trackBcast != 0 ||
		tr.options&trackOptIn != 0 && !tr.caching || tr.options&trackOptOut != 0 && tr.caching {
		return
	}
	t := &w.srv.tracked
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

// forget invalidates key for all clients that may have it, except for the client that
// changed it if that does not want to hear of its own changes, and for clients that have
// changed to broadcasting since.
func (t *trackingTable) forget(w *worker, key string, by *client) {
	for id := range t.keys[key] {
		c := t.all[id]
		if c == nil || t.bcast[c] != nil || c == by && c.tracking.options&trackNoLoop != 0 {
			continue
		}
		w.stale = append(w.stale, stale{id: id, key: key})
	}
	delete(t.keys, key)
}

// changed collects who has to hear of a changed key.
func (t *trackingTable) changed(tx *engine.Tx, key []byte, ev engine.Event) {
	w, ok := tx.Owner.(*worker)
	if t.clients.Load() == 0 || !ok {
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
				w.stale = append(w.stale, stale{id: c.id, key: string(key), bcast: true, prefix: p})
				break
			}
		}
	}
}

// flushed tells everybody that nothing is as it was.
func (t *trackingTable) flushed(tx *engine.Tx) {
	w, ok := tx.Owner.(*worker)
	if t.clients.Load() == 0 || !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.all {
		w.stale = append(w.stale, stale{id: id, flush: true})
	}
	clear(t.keys)
}

// invalidate tells the clients collected. What concerns me, whose command it
// was, follows its reply at once. A key is a message, but to clients that hear
// of all keys with a prefix those of a command with the same one go together.
func (w *worker) invalidate(me *client) {
	all := w.stale
	w.stale = nil
	type group struct {
		c      *client
		prefix string
	}
	var together map[group][]string
	tell := func(c *client, keys []string) {
		if c == me {
			w.invalidateClient(c, keys, true)
			return
		}
		c.conn.post(func(w *worker, c *client) { w.invalidateClient(c, keys, false) })
	}
	for _, st := range all {
		w.srv.mu.Lock()
		c := w.srv.clients[st.id]
		w.srv.mu.Unlock()
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
	w.stale = all[:0]
}

// invalidateClient tells a client, on its own goroutine, or whoever it is
// redirected to. keys is nil for all; mine says that a command of the client is
// being answered.
func (w *worker) invalidateClient(c *client, keys []string, mine bool) {
	tr := c.tracking
	if tr == nil {
		return
	}
	nullProto := c.proto
	if tr.redirect == 0 {
		if c.proto == 3 {
			c.push(w, appendInvalidation([]byte(">2\r\n$10\r\ninvalidate\r\n"), keys, nullProto), mine)
		}
		return
	}
	s := c.srv
	s.mu.Lock()
	to := s.clients[tr.redirect]
	s.mu.Unlock()
	if to == nil {
		tr.broken.Store(true)
		if c.proto == 3 {
			b := []byte(">2\r\n$21\r\ntracking-redir-broken\r\n")
			c.push(w, appendLen(b, ':', int(tr.redirect)), mine)
		}
		return
	}
	to.conn.post(func(w *worker, to *client) {
		switch {
		case to.proto == 3:
			to.push(w, appendInvalidation([]byte(">2\r\n$10\r\ninvalidate\r\n"), keys, nullProto), false)
		case to.mode&subscribed != 0:
			to.push(w, appendInvalidation([]byte("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"), keys, nullProto), false)
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

// push sends what the client did not ask for: behind the reply that is being
// written, or on its own.
func (c *client) push(w *worker, b []byte, replying bool) {
	if replying {
		w.reply.B = append(w.reply.B, b...)
		return
	}
	c.add(b)
	c.conn.resume()
}

// untrack ends tracking.
func (c *client) untrack() {
	if c.tracking == nil {
		return
	}
	t := &c.srv.tracked
	t.mu.Lock()
	delete(t.bcast, c)
	delete(t.all, c.id)
	t.mu.Unlock()
	t.clients.Add(-1)
	c.srv.hooks.active.Add(-1)
	for _, p := range c.tracking.prefixes {
		c.forgets(len(p))
	}
	c.tracking = nil
	c.mode &^= tracks
	c.shown.tracking.Store(nil)
}

func (s *Server) clientTracking(c *commands.Ctx) error {
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
			s.mu.Lock()
			there := s.clients[id] != nil
			s.mu.Unlock()
			if !there {
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
		cl.untrack()
	default:
		if err := tr.check(cl.tracking); err != nil {
			return err
		}
		cl.track(tr)
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
func (c *client) track(tr *tracking) {
	t := &c.srv.tracked
	for _, p := range tr.prefixes {
		c.keeps(len(p))
	}
	if old := c.tracking; old != nil {
		tr.prefixes = append(append([]string(nil), old.prefixes...), tr.prefixes...)
		tr.options |= old.options &^ trackNoLoop & (trackOptIn | trackOptOut)
	} else {
		t.clients.Add(1)
		c.srv.hooks.active.Add(1)
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
	c.tracking = tr
	t.mu.Unlock()
	c.mode |= tracks
	c.shown.tracking.Store(tr)
}

func (s *Server) clientCaching(c *commands.Ctx) error {
	tr := clientOf(c).tracking
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

func (s *Server) clientGetredir(c *commands.Ctx) error {
	if tr := clientOf(c).tracking; tr != nil {
		c.Reply.Int(tr.redirect)
	} else {
		c.Reply.Int(-1)
	}
	return nil
}

func (s *Server) clientTrackinginfo(c *commands.Ctx) error {
	flags, redirect, prefixes := []string{"off"}, int64(-1), []string(nil)
	if tr := clientOf(c).tracking; tr != nil {
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
