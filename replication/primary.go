package replication

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"cached/commands"
	"cached/persistence"
)

const (
	errNoMasterLink = commands.Error("NOMASTERLINK Can't SYNC while not connected with my master")
	errNotOneBit    = commands.Error("ERR value is out of range, value must between 0 and 1")
	errNoSync       = commands.Error("ERR SYNC cannot be used inside a transaction or a script")
)

func (r *Replication) wishOf(c *commands.Ctx) *wish {
	kept := r.srv.Kept(c)
	if *kept == nil {
		*kept = new(wish)
	}
	return (*kept).(*wish)
}

func lower(b []byte) string { return strings.ToLower(string(b)) }

func parseInt(b []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

// replconf is REPLCONF option value ...
func (r *Replication) replconf(c *commands.Ctx) error {
	if len(c.Argv)%2 == 0 {
		return commands.ErrSyntax
	}
	w := r.wishOf(c)
	for words := c.Argv[1:]; len(words) > 0; words = words[2:] {
		switch lower(words[0]) {
		case "listening-port":
			n, ok := parseInt(words[1])
			if !ok {
				return commands.ErrNotInt
			}
			w.port = int(n)
		case "ip-address":
			if len(words[1]) > 255 {
				return commands.Error("ERR REPLCONF ip-address provided by replica instance is too long: " + strconv.Itoa(len(words[1])) + " bytes")
			}
			w.ip = string(words[1])
		case "capa":
			switch lower(words[1]) {
			case "eof":
				w.eof = true
			case "psync2":
				w.psync2 = true
			}
		case "version":
			w.version = string(words[1])
		case "cached":
			w.ours = true
		case "ack":
			return nil // has no reply
		case "getack":
			return nil
		case "rdb-only":
			n, ok := parseInt(words[1])
			if !ok {
				return commands.ErrNotInt
			}
			if n < 0 || n > 1 {
				return errNotOneBit
			}
			w.rdbOnly = n == 1
		case "rdb-filter-only":
			w.functions, w.nothing = false, true
			for _, part := range strings.Fields(lower(words[1])) {
				if part != "functions" {
					return commands.Error("ERR Unsupported rdb-filter-only option: " + string(words[1]))
				}
				w.functions, w.nothing = true, false
			}
		default:
			return commands.Error("ERR Unrecognized REPLCONF option: " + string(words[0]))
		}
	}
	c.Reply.OK()
	return nil
}

// sync is SYNC and PSYNC. The whole keyspace is locked.
func (r *Replication) sync(c *commands.Ctx) error {
	if len(c.Argv) > 3 {
		if lower(c.Argv[3]) != "failover" || len(c.Argv) > 4 {
			return commands.ErrSyntax
		}
		if err := r.takeOver(string(c.Argv[1])); err != nil {
			return err
		}
	}
	if r.following.Load() && !r.up.Load() {
		return errNoMasterLink
	}
	w := *r.wishOf(c)
	id, addr := r.srv.ClientAddr(c)
	p := newPeer(r, id, addr, w)
	if p.old = len(c.Argv) < 3; p.old {
		p.ours = w.ours
	}
	resumes := false
	if !p.old && !p.rdbOnly {
		next, ok := parseInt(c.Argv[2])
		if !ok {
			return commands.ErrNotInt
		}
		resumes = r.resume(p, string(c.Argv[1]), next)
	}
	if !r.srv.Take(c, func(sock net.Conn) { p.begin(sock, resumes) }) {
		return errNoSync
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.rdbOnly || p.functions || p.nothing {
		p.rdbOnly = true
		return nil
	}
	r.log.Info("Replica "+p.name()+" asks for synchronization", "partial", resumes)
	if !r.attached {
		r.history = newHistory()
		r.backlog.reset(r.backlog.offset())
		r.attach()
		r.log.Info("Replication backlog created, my new replication IDs are '" + r.history.ID + "' and '" + r.history.ID2 + "'")
	}
	r.peers = append(r.peers, p)
	r.some.Store(true)
	r.lookSoon()
	return nil
}

// resume has a replica go on where it was, if that is possible. The whole keyspace is locked.
func (r *Replication) resume(p *peer, id string, next int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := id != "?"
	if asked && r.attached && r.history.knows(id, next) && p.follow(next-1) {
		r.counts.partialOK.Add(1)
		r.log.Info("Partial resynchronization request from " + p.name() + " accepted. Sending " +
			strconv.FormatInt(p.reads().behind(), 10) + " bytes of backlog starting from offset " + strconv.FormatInt(next, 10) + ".")
		return true
	}
	if asked {
		r.counts.partialErr.Add(1)
		first, end := r.backlog.held()
		r.log.Info("Unable to partial resync with replica "+p.name()+" for lack of backlog.", "asked_id", id, "asked_offset", next,
			"id", r.history.ID, "second_id", r.history.ID2, "second_offset", r.history.Second, "backlog_from", first+1, "to", end)
	}
	r.counts.full.Add(1)
	return false
}

// begin serves the replica once its connection was taken over.
func (p *peer) begin(sock net.Conn, resumes bool) {
	r := p.r
	r.group.Add(1)
	defer r.group.Done()
	defer p.close()
	if !p.take(sock) {
		return
	}
	if p.rdbOnly {
		if err := p.sendOnly(); err != nil {
			r.log.Warn("send a snapshot", "client", p.addr, "error", err)
		}
		return
	}
	r.group.Add(1)
	go func() {
		defer r.group.Done()
		if err := p.listen(); err != nil {
			r.log.Warn("read from replica "+p.name(), "error", err)
		}
		p.close()
	}()
	if resumes {
		answer := "+CONTINUE\r\n"
		if p.psync2 {
			r.mu.Lock()
			answer = "+CONTINUE " + r.history.ID + "\r\n"
			r.mu.Unlock()
		}
		if p.write([]byte(answer)) != nil {
			return
		}
		p.goOnline()
	} else {
		r.gather()
	}
	select {
	case <-p.ready:
	case <-p.gone:
		p.drop()
		return
	}
	if err := p.send(); err != nil && !errors.Is(err, net.ErrClosed) {
		r.log.Warn("send to replica "+p.name(), "error", err)
	}
}

// drop lets go of the stream of a replica that has gone before it was sent any of it.
func (p *peer) drop() {
	if f := p.reads(); f != nil {
		f.close()
	}
}

// gather begins a round of full synchronisations, for all replicas that wait by then.
func (r *Replication) gather() {
	r.mu.Lock()
	defer r.mu.Unlock()
	most, n := r.cfg.Value("repl-diskless-sync-max-replicas").Int(), int64(0)
	for _, p := range r.peers {
		if p.is(waits) && p.taken() {
			n++
		}
	}
	if r.gathering {
		if most > 0 && n >= most {
			close(r.enough)
			r.enough = make(chan struct{})
		}
		return
	}
	r.gathering, r.enough = true, make(chan struct{})
	enough := r.enough
	delay := r.seconds("repl-diskless-sync-delay")
	if most > 0 && n >= most {
		delay = 0
	}
	r.group.Add(1)
	go func() {
		defer r.group.Done()
		select {
		case <-time.After(delay):
		case <-enough:
		case <-r.quit:
			return
		}
		r.syncAll()
	}()
}

// syncAll sends a snapshot to all replicas that wait for one.
func (r *Replication) syncAll() {
	r.mu.Lock()
	r.gathering = false
	together := &round{r: r}
	var single []*round
	for _, p := range r.peers {
		switch {
		case !p.is(waits) || !p.taken():
			continue
		case p.eof:
			together.peers = append(together.peers, p)
		default:
			single = append(single, &round{r: r, peers: []*peer{p}})
		}
		p.state.Store(int32(loading))
	}
	r.mu.Unlock()
	run := func(x *round, send func() error) {
		r.group.Add(1)
		go func() {
			defer r.group.Done()
			err := send()
			if err != nil {
				r.log.Warn("send a snapshot to replicas", "error", err)
			}
			for _, p := range x.peers {
				if err != nil {
					p.close()
				}
			}
		}()
	}
	if len(together.peers) > 0 {
		run(together, together.stream)
	}
	for _, x := range single {
		run(x, x.file)
	}
}

// A round is a snapshot for some replicas.
type round struct {
	r      *Replication
	peers  []*peer
	id     string
	offset int64
	begun  bool // the head was written
	mark   string
}

// start notes where in the stream the snapshot stands. The whole keyspace is locked.
func (x *round) start() {
	r := x.r
	x.place()
	if !r.following.Load() {
		r.stream.Select()
	}
	for _, p := range x.peers {
		p.follow(x.offset)
	}
}

// place notes where the snapshot stands.
func (x *round) place() {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	x.id, x.offset = x.r.history.ID, x.r.backlog.offset()
}

// options are those of the snapshot.
func (x *round) options() persistence.StreamOptions {
	hard, _, _ := x.r.outputLimit()
	return persistence.StreamOptions{Keys: true, Functions: true, Begin: x.start,
		Gone: func() bool { return !x.some() },
		Most: hard, TooMuch: func() {
			x.r.log.Warn("replicas take a snapshot too slowly: client-output-buffer-limit replica", "bytes", hard)
			for _, p := range x.peers {
				go p.close() // it waits for locks
			}
		}}
}

func (x *round) some() bool {
	for _, p := range x.peers {
		select {
		case <-p.gone:
		default:
			return true
		}
	}
	return false
}

var errAllGone = errors.New("all replicas are gone")

// stream sends the snapshot as it is made, with a mark behind it.
func (x *round) stream() error {
	x.mark = newID()
	x.r.log.Info("Starting BGSAVE for SYNC with target: replicas sockets", "replicas", len(x.peers))
	if err := x.r.disk.Stream(x, x.options()); err != nil {
		return err
	}
	_, err := x.Write([]byte(x.mark))
	return err // replicas say by an acknowledgement that they have loaded it
}

// Write implements io.Writer: it sends to all replicas that are there.
func (x *round) Write(b []byte) (int, error) {
	if !x.begun {
		x.begun = true
		for _, p := range x.peers {
			x.head(p, "$EOF:"+x.mark+"\r\n")
		}
	}
	for _, p := range x.peers {
		select {
		case <-p.gone:
			continue
		default:
		}
		p.heardNS.Store(time.Now().UnixNano()) // it loads, and says nothing
		if err := p.write(b); err != nil {
			x.r.log.Warn("send a snapshot to replica "+p.name(), "error", err)
			p.close()
		}
	}
	if !x.some() {
		return 0, errAllGone
	}
	return len(b), nil
}

// head answers PSYNC.
func (x *round) head(p *peer, what string) {
	answer := ""
	if !p.old {
		answer = "+FULLRESYNC " + x.id + " " + strconv.FormatInt(x.offset, 10) + "\r\n"
	}
	if err := p.write([]byte(answer + what)); err != nil {
		p.close()
	}
}

// file makes the snapshot in a file first, whose length the replica wants to know.
func (x *round) file() error {
	f, err := os.CreateTemp(".", "temp-sync-*.rdb")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := x.r.disk.Stream(f, x.options()); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	p := x.peers[0]
	x.head(p, "$"+strconv.FormatInt(size, 10)+"\r\n")
	x.begun = true
	if _, err := io.Copy(x, f); err != nil {
		return err
	}
	p.goOnline()
	return nil
}

// sendOnly sends a snapshot to who wants nothing else.
func (p *peer) sendOnly() error {
	x := &round{r: p.r, peers: []*peer{p}, mark: newID(), begun: true}
	o := persistence.StreamOptions{Keys: !p.functions && !p.nothing, Functions: !p.nothing,
		Gone: func() bool { return !x.some() }, Begin: x.place}
	if !p.old {
		x.head(p, "")
	}
	if p.eof {
		if _, err := x.Write([]byte("$EOF:" + x.mark + "\r\n")); err != nil {
			return err
		}
		err := p.r.disk.Stream(x, o)
		if err == nil {
			_, err = x.Write([]byte(x.mark))
		}
		return err
	}
	f, err := os.CreateTemp(".", "temp-sync-*.rdb")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := p.r.disk.Stream(f, o); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = x.Write([]byte("$" + strconv.FormatInt(size, 10) + "\r\n"))
	}
	if err == nil {
		_, err = io.Copy(x, f)
	}
	return err
}
