package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"cached/commands"
	"cached/engine/value"
)

// There are no replicas yet. What stands is as much of their protocol as it takes to
// fetch a snapshot over a connection, as "redis-cli --rdb" does: REPLCONF says what is
// wanted, SYNC sends it, and then the connection ends.

// A syncWish is what a client has said with REPLCONF.
type syncWish struct {
	eof       bool // it finds the end of a snapshot by a mark
	replica   bool // it wants what comes after the snapshot too
	functions bool // libraries of functions only
	nothing   bool // not even these
}

var syncWishes = newClientSlot[syncWish]()

const (
	errNoReplicas = commands.Error("ERR Replication is not supported: SYNC sends a snapshot to clients that have said REPLCONF capa eof, and no more")
)

func (s *Server) replconf(c *commands.Ctx) error {
	if len(c.Argv)%2 == 0 {
		return commands.ErrSyntax
	}
	wish := syncWishes.of(clientOf(c))
	for words := c.Argv[1:]; len(words) > 0; words = words[2:] {
		switch option := fold(words[0]); option {
		case "listening-port":
			if _, ok := value.ParseInt(words[1]); !ok {
				return commands.ErrNotInt
			}
			wish.replica = true
		case "ip-address":
		case "capa":
			wish.eof = wish.eof || fold(words[1]) == "eof"
		case "ack":
			return nil // has no reply
		case "getack":
			return commands.ErrSyntax
		case "rdb-only":
			n, ok := value.ParseInt(words[1])
			if !ok {
				return commands.ErrNotInt
			}
			if n < 0 || n > 1 {
				return errNotOneBit
			}
		case "rdb-filter-only":
			switch fold(words[1]) {
			case "":
				wish.functions, wish.nothing = false, true
			case "functions":
				wish.functions, wish.nothing = true, false
			default:
				return commands.Error("ERR Unsupported rdb-filter-only option: " + string(words[1]))
			}
		default:
			return commands.Error("ERR Unrecognized REPLCONF option: " + string(words[0]))
		}
	}
	c.Reply.OK()
	return nil
}

func (s *Server) syncCmd(c *commands.Ctx) error {
	cl := clientOf(c)
	if c.Resumed != nil { // everything was sent
		cl.closing = true
		return nil
	}
	wish := syncWishes.of(cl)
	if s.disk == nil || wish.replica || !wish.eof {
		return errNoReplicas
	}
	sent := *wish
	if !cl.Background(c, true, func() { s.sendSnapshot(cl, sent) }) {
		return errNoReplicas
	}
	cl.shown.replica.Store(true)
	return nil
}

func (s *Server) psync(*commands.Ctx) error { return errNoReplicas }

// sendSnapshot sends a snapshot to a client that waits for it. If that fails the
// connection ends without the mark, and the client knows.
func (s *Server) sendSnapshot(c *client, wish syncWish) {
	var id [20]byte
	_, _ = rand.Read(id[:])
	mark := hex.EncodeToString(id[:])
	w := &clientWriter{c: c}
	keys := !wish.functions && !wish.nothing
	_, err := w.Write([]byte("$EOF:" + mark + "\r\n"))
	if err == nil {
		err = s.disk.Stream(w, keys, !wish.nothing, w.gone)
	}
	if err == nil {
		_, err = w.Write([]byte(mark))
	}
	if err != nil && !errors.Is(err, errGone) {
		s.log.Warn("send a snapshot", "client", c.addr, "error", err)
	}
}

var errGone = errors.New("the client is gone")

// A clientWriter sends to a client from a goroutine that is not its own.
type clientWriter struct{ c *client }

var _ io.Writer = (*clientWriter)(nil)

const (
	unsentMost = 1 << 20              // bytes that may wait for the client
	unsentLook = 2 * time.Millisecond // how often it is asked
)

// Write waits until the client has taken what it was sent before.
func (w *clientWriter) Write(b []byte) (int, error) {
	for w.c.shown.outBytes.Load() > unsentMost {
		if w.gone() {
			return 0, errGone
		}
		time.Sleep(unsentLook)
	}
	sent := make(chan struct{})
	w.c.conn.post(func(_ *worker, c *client) {
		c.add(b)
		c.shown.outBytes.Store(int64(c.out.size))
		c.conn.resume()
		close(sent)
	})
	for {
		select {
		case <-sent:
			return len(b), nil
		case <-time.After(time.Second):
			if w.gone() {
				return 0, errGone
			}
		}
	}
}

// gone reports whether the client is closed.
func (w *clientWriter) gone() bool {
	s := w.c.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients[w.c.id] != w.c
}

// syncRows are the rows of the commands that replicas use.
func (s *Server) syncRows() []commands.Spec {
	return []commands.Spec{
		{
			Name: "psync", Group: commands.Server, Since: "2.8.0", Arity: -3,
			Summary: "Internal command used for replication",
			Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading | commands.NoMulti,
			Args:    []commands.Arg{commands.Str("replicationid"), commands.Int("offset")},
			Run:     s.psync,
		},
		{
			Name: "replconf", Group: commands.Server, Since: "3.0.0", Arity: -1, Complexity: "O(1)",
			Summary: "An internal command for configuring the replication stream",
			Flags:   commands.Admin | commands.NoScript | commands.Loading | commands.Stale | commands.AllowBusy,
			Doc:     commands.SysCmd,
			Run:     s.replconf,
		},
		{
			Name: "sync", Group: commands.Server, Since: "1.0.0", Arity: 1,
			Summary: "Internal command used for replication",
			Flags:   commands.Admin | commands.NoScript | commands.NoAsyncLoading | commands.NoMulti,
			Run:     s.syncCmd,
		},
	}
}
