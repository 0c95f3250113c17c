package replication

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cached/engine"
	"cached/persistence"
)

// A linkState is how far the link to a primary has come.
type linkState int32

const (
	connecting linkState = iota // or waiting to try again
	shaking                     // the handshake
	receiving                   // a snapshot
	connected                   // the stream comes
)

// stateWords are those of ROLE.
var stateWords = [...]string{"connect", "handshake", "sync", "connected"}

// A link is the way of a replica to one primary, through all its connections.
type link struct {
	r          *Replication
	host, port string
	before     *link // whose end is waited for
	quit, done chan struct{}
	quitOnce   sync.Once
	ended      atomic.Bool // nothing is applied any more; set with the whole keyspace locked

	state   atomic.Int32 // a linkState
	heardNS atomic.Int64 // Unix time when the primary was last heard of
	downAt  atomic.Int64 // Unix seconds since when it is down
	got     atomic.Int64 // bytes of the snapshot
	size    atomic.Int64 // of it; -1: not known
	takes   atomic.Bool  // the primary is told to be it

	mu   sync.Mutex // guards sock
	sock net.Conn
	wmu  sync.Mutex // of who writes
}

// connect begins to follow a primary. The whole keyspace is locked, and mu is held.
func (r *Replication) connect(host, port string) {
	l := &link{r: r, host: host, port: port, before: r.last, quit: make(chan struct{}), done: make(chan struct{})}
	l.downAt.Store(time.Now().Unix())
	l.size.Store(-1)
	l.takes.Store(r.takes)
	r.takes = false
	r.link, r.last = l, l
	r.group.Add(1)
	go func() {
		defer r.group.Done()
		defer close(l.done)
		if l.before != nil {
			<-l.before.done
			l.before = nil
		}
		l.run()
	}()
}

// stop ends the link. Nothing is applied any more if the whole keyspace is locked.
func (l *link) stop() {
	l.ended.Store(true)
	l.quitOnce.Do(func() { close(l.quit) })
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sock != nil {
		_ = l.sock.Close()
	}
}

// Waits between attempts to connect.
const (
	retryFirst = 100 * time.Millisecond
	retryMost  = time.Second
)

// run connects again and again until the link is stopped.
func (l *link) run() {
	r := l.r
	for wait := retryFirst; ; {
		err := l.once()
		if l.ended.Load() {
			return
		}
		if l.state.Load() == int32(connected) {
			l.downAt.Store(time.Now().Unix())
			wait = retryFirst
		}
		l.state.Store(int32(connecting))
		r.up.Store(false)
		r.srv.GatesChanged()
		r.log.Warn("the link to the primary is down", "primary", l.addr(), "error", err)
		select {
		case <-time.After(wait):
		case <-l.quit:
			return
		}
		wait = min(2*wait, retryMost)
	}
}

func (l *link) addr() string { return net.JoinHostPort(l.host, l.port) }

// A timedConn gives each read as long as the primary may be silent.
type timedConn struct {
	net.Conn
	l *link
}

func (c timedConn) Read(b []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(c.l.r.seconds("repl-timeout")))
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.l.heardNS.Store(time.Now().UnixNano())
	}
	return n, err
}

func (l *link) write(b []byte) error {
	l.wmu.Lock()
	defer l.wmu.Unlock()
	_ = l.sock.SetWriteDeadline(time.Now().Add(l.r.seconds("repl-timeout")))
	_, err := l.sock.Write(b)
	return err
}

// once is one connection, from its beginning to its end.
func (l *link) once() error {
	r := l.r
	r.log.Info("Connecting to MASTER " + l.host + ":" + l.port)
	sock, err := r.dial(l.addr(), r.seconds("repl-timeout"))
	if err != nil {
		return err
	}
	sock = r.srv.ShowPrimary(sock)
	defer sock.Close()
	l.mu.Lock()
	l.sock = sock
	l.mu.Unlock()
	if l.ended.Load() {
		return nil
	}
	r.log.Info("MASTER <-> REPLICA sync started")
	l.state.Store(int32(shaking))
	in := bufio.NewReaderSize(timedConn{sock, l}, 64<<10)
	v, a, err := l.shake(in)
	if err != nil {
		return err
	}
	rest, db := []byte(nil), 0
	if v == snapshot {
		rest, db, err = l.receive(in, a)
	} else {
		db = l.resume(a)
	}
	if err != nil || l.ended.Load() {
		return err
	}
	l.takes.Store(false)
	l.state.Store(int32(connected))
	r.up.Store(true)
	r.srv.GatesChanged()
	return l.apply(io.MultiReader(strings.NewReader(string(rest)), in), db)
}

// shake does the handshake.
func (l *link) shake(in *bufio.Reader) (verdict, agreement, error) {
	r := l.r
	h := handshake{user: r.cfg.Value("masteruser").String(), password: r.cfg.Value("masterauth").String(),
		ip: r.cfg.Value("replica-announce-ip").String(), port: r.port(), failover: l.takes.Load()}
	r.alone(func() { h.id, h.next = r.resumable() })
	if h.id != "" {
		r.log.Info("Trying a partial resynchronization (request " + h.id + ":" + strconv.FormatInt(h.next, 10) + ").")
	}
	send, v, a := h.begin(), goesOn, agreement{}
	for {
		if err := l.write(send); err != nil {
			return v, a, err
		}
		if v != goesOn {
			return v, a, nil
		}
		for send = nil; send == nil && v == goesOn; {
			line, err := readLine(in)
			if err != nil {
				return v, a, fmt.Errorf("wait for the answer of %s: %w", h.asked, err)
			}
			if send, v, a, err = h.answer(line); err != nil {
				return v, a, err
			}
		}
		if send == nil {
			return v, a, nil
		}
	}
}

// readLine reads a line of an answer, without its end.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			err = errors.New("a line without an end")
		}
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// port is where the replica tells that it can be reached.
func (r *Replication) port() int {
	if n := r.cfg.Value("replica-announce-port").Int(); n > 0 {
		return int(n)
	}
	return int(r.cfg.Value("port").Int())
}

// resumable is what can be asked for in a partial resynchronisation: the history's name, empty
// if there is none, and the next byte. The whole keyspace is locked.
func (r *Replication) resumable() (id string, next int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.position.known:
		return "", -1
	case r.cfg.Value("replica-read-only").Bool() && r.seen.Load() != r.relayed.Load():
		r.log.Warn("keys were changed here while this server was a replica: a full synchronization is needed")
		return "", -1
	}
	return r.history.ID, r.backlog.offset() + 1
}

// resume goes on where the history was.
func (l *link) resume(a agreement) (db int) {
	r := l.r
	r.log.Info("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.")
	r.alone(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if a.id != r.history.ID {
			r.log.Info("Master replication ID changed to " + a.id)
			r.history = r.history.renamed(a.id, r.backlog.offset())
			r.dropPeers()
		}
		db = r.position.db
	})
	return db
}

// dropPeers ends the links to all replicas, which come back and ask how to go on. mu is held.
func (r *Replication) dropPeers() {
	for _, p := range r.peers {
		go p.close()
	}
}

// receive takes a snapshot. It returns what was read behind it, and the database of what
// follows.
func (l *link) receive(in *bufio.Reader, a agreement) (rest []byte, db int, err error) {
	r := l.r
	r.log.Info("Full resync from master: " + a.id + ":" + strconv.FormatInt(a.offset, 10))
	l.got.Store(0)
	l.state.Store(int32(receiving))
	head := ""
	for head == "" { // empty lines say that the primary is there
		if head, err = readLine(in); err != nil {
			return nil, 0, err
		}
	}
	if head[0] == '-' {
		return nil, 0, fmt.Errorf("MASTER aborted replication with an error: %s", head[1:])
	}
	src, size, mark := io.Reader(in), int64(0), ""
	if m, ok := strings.CutPrefix(head, "$EOF:"); ok && len(m) == 40 {
		mark = m
		r.log.Info("MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to parser")
		l.size.Store(-1)
	} else if size, err = strconv.ParseInt(strings.TrimPrefix(head, "$"), 10, 64); err != nil || head[0] != '$' || size < 0 {
		return nil, 0, fmt.Errorf("Bad protocol from MASTER, the first byte is not '$' (we received '%.100s'), are you sure the host and port are right?", head)
	} else {
		r.log.Info("MASTER <-> REPLICA sync: receiving " + strconv.FormatInt(size, 10) + " bytes from master to parser")
		l.size.Store(size)
		src = io.LimitReader(in, size)
	}
	stop := l.breathe()
	defer stop()
	r.log.Info("MASTER <-> REPLICA sync: Loading DB in memory")
	applier := r.newApplier(l.ended.Load)
	end := func(rest []byte) ([]byte, error) { return afterMark(in, rest, mark) }
	if mark == "" {
		end = func(rest []byte) ([]byte, error) {
			if more, err := io.Copy(io.Discard, src); err != nil || more > 0 || len(rest) > 0 || src.(*io.LimitedReader).N > 0 {
				return nil, fmt.Errorf("the snapshot is not as long as the primary said: %w", errors.Join(err, errShort))
			}
			return nil, nil
		}
	}
	got, err := r.disk.Receive(&counter{src, &l.got}, persistence.ReceiveOptions{Size: size, Alone: applier.Alone, End: end,
		Placed: func(whole bool, at *persistence.Position) { l.place(whole, at, a) }})
	if err != nil || l.ended.Load() {
		return nil, 0, err
	}
	if got.At != nil {
		db = got.At.DB
	}
	r.log.Info("MASTER <-> REPLICA sync: Finished with success", "keys", got.Keys, "bytes", got.Bytes)
	return got.Rest, db, nil
}

var errShort = errors.New("bytes are missing, or too many")

// afterMark returns what is behind the mark at the end of a snapshot, of which rest was read.
func afterMark(in io.Reader, rest []byte, mark string) ([]byte, error) {
	for len(rest) < len(mark) {
		more := make([]byte, len(mark)-len(rest))
		n, err := in.Read(more)
		if rest = append(rest, more[:n]...); err != nil {
			return nil, err
		}
	}
	if string(rest[:len(mark)]) != mark {
		return nil, errors.New("the snapshot does not end with its mark")
	}
	return rest[len(mark):], nil
}

// place notes that the keyspace, all of which is locked, is that of the snapshot, or empty.
func (l *link) place(whole bool, at *persistence.Position, a agreement) {
	r := l.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.ended.Load() {
		return
	}
	r.dropPeers()
	offset := a.offset
	if offset < 0 {
		offset = 0
	}
	r.backlog.reset(offset)
	r.history = History{ID: a.id, ID2: noID, Second: -1}
	r.position = position{known: whole && a.offset >= 0}
	if at != nil {
		r.position.db = at.DB
	}
	r.seen.Store(0)
	r.relayed.Store(0)
}

// A counter counts what is read.
type counter struct {
	src io.Reader
	n   *atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.src.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// breathe has the primary hear of the replica while it loads, until stop is called.
func (l *link) breathe() (stop func()) {
	return eachSecond(func() bool { _ = l.write([]byte("\n")); return true })
}

// eachSecond calls do on a goroutine of its own until it reports false or stop is called, which waits for the
// goroutine to end.
func eachSecond(do func() (more bool)) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				if !do() {
					return
				}
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// follow has this server be the replica of a primary. The whole keyspace is locked.
func (r *Replication) follow(host, port string) {
	r.mu.Lock()
	was := r.following.Swap(true)
	r.end()
	if !was {
		r.position = position{known: r.attached}
		r.seen.Store(0)
		r.relayed.Store(0)
	}
	r.keys.SetRole(engine.Replica)
	r.attach()
	r.connect(host, port)
	r.mu.Unlock()
	if !was {
		go r.srv.UnblockAll("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)")
	}
	go r.srv.GatesChanged()
}

// end stops following the present primary. The whole keyspace is locked, and mu is held.
func (r *Replication) end() {
	if r.link != nil {
		r.link.stop()
		r.link = nil
	}
	r.up.Store(false)
}

// promote has this server be a primary. The whole keyspace is locked.
func (r *Replication) promote() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
	r.history = r.history.renamed(newID(), r.backlog.offset())
	r.log.Info("Setting secondary replication ID to " + r.history.ID2 + ", valid up to offset: " +
		strconv.FormatInt(r.history.Second, 10) + ". New replication ID is " + r.history.ID)
	r.following.Store(false)
	r.keys.SetRole(engine.Primary)
	r.stream.Select()
	r.dropPeers()
	r.aloneAt = time.Now()
	r.lookSoon()
	go r.srv.GatesChanged()
}
