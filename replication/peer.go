package replication

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cached/internal/config"
	"cached/internal/resp"
)

// A peerState is how far a replica has come.
type peerState int32

const (
	waits   peerState = iota // for a snapshot to begin
	loading                  // is sent one, or has not said yet that it has loaded it
	online                   // is sent the stream
)

var stateNames = [...]string{"wait_bgsave", "send_bulk", "online"}

// A wish is what a client has said with REPLCONF.
type wish struct {
	port      int
	ip        string
	eof       bool   // it finds the end of a snapshot by a mark
	psync2    bool   // it takes another name of the history
	ours      bool   // it knows our own commands
	version   string // of the replica's server
	rdbOnly   bool   // it wants a snapshot and no more
	functions bool   // libraries of functions only
	nothing   bool   // not even these
	waited    int64  // the offset that its WAIT waits for
}

// A peer is a replica of this server.
type peer struct {
	r    *Replication
	id   int64 // of the client that it was
	addr string
	wish
	old bool // it said SYNC: it sends no acknowledgements

	state    atomic.Int32  // a peerState
	acked    atomic.Int64  // offset that it has applied
	fsynced  atomic.Int64  // and that is in its log on the disk
	heardNS  atomic.Int64  // Unix time when it was last heard of
	overAt   time.Time     // since when it has been too far behind; of watch
	hurry    chan struct{} // somebody waits for what is sent next
	ready    chan struct{}
	readied  sync.Once
	gone     chan struct{}
	goneOnce sync.Once

	mu       sync.Mutex // guards what follows
	sock     net.Conn   // nil until the connection was taken over
	follower *follower  // nil until the snapshot begins
}

func newPeer(r *Replication, id int64, addr string, w wish) *peer {
	p := &peer{r: r, id: id, addr: addr, wish: w, hurry: make(chan struct{}, 1), ready: make(chan struct{}), gone: make(chan struct{})}
	p.heardNS.Store(time.Now().UnixNano())
	return p
}

// host is where others find the replica.
func (p *peer) host() string {
	if p.ip != "" {
		return p.ip
	}
	host, _, err := net.SplitHostPort(p.addr)
	if err != nil {
		return p.addr
	}
	return host
}

func (p *peer) name() string { return p.host() + ":" + strconv.Itoa(p.port) }

func (p *peer) is(s peerState) bool { return p.state.Load() == int32(s) }

// take notes the connection of the replica; false if it is not wanted any more.
func (p *peer) take(sock net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sock = sock
	select {
	case <-p.gone:
		_ = sock.Close()
		return false
	default:
		return true
	}
}

func (p *peer) taken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sock != nil
}

// follow has the replica's part of the stream begin at an offset.
func (p *peer) follow(offset int64) bool {
	f := p.r.backlog.follow(offset, !p.ours)
	p.mu.Lock()
	old := p.follower
	p.follower = f
	p.mu.Unlock()
	if old != nil {
		old.close()
	}
	return f != nil
}

// reads is the replica's part of the stream, or nil.
func (p *peer) reads() *follower {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.follower
}

// write sends bytes to the replica, which has as long for them as the link may be silent.
func (p *peer) write(b []byte) error {
	_ = p.sock.SetWriteDeadline(time.Now().Add(p.r.seconds("repl-timeout")))
	_, err := p.sock.Write(b)
	return err
}

// close ends the link.
func (p *peer) close() {
	p.goneOnce.Do(func() {
		close(p.gone)
		p.mu.Lock()
		sock := p.sock
		p.mu.Unlock()
		if sock != nil {
			_ = sock.Close()
		}
		r := p.r
		r.mu.Lock()
		r.peers = slices.DeleteFunc(r.peers, func(x *peer) bool { return x == p })
		if len(r.peers) == 0 {
			r.some.Store(false)
			r.aloneAt = time.Now()
		}
		r.mu.Unlock()
		if !p.rdbOnly {
			r.log.Info("Connection with replica " + p.name() + " lost.")
		}
	})
}

// online notes that the replica can be sent the stream.
func (p *peer) goOnline() {
	p.readied.Do(func() {
		p.state.Store(int32(online))
		close(p.ready)
		if !p.rdbOnly {
			p.r.log.Info("Synchronization with replica " + p.name() + " succeeded")
		}
		p.r.srv.GatesChanged()
	})
}

// gatherFor is the least time between two writes to a replica that keeps up, unless somebody
// waits for it: a system call and the waking of both ends cost more than most effects.
const gatherFor = 500 * time.Microsecond

// send sends the stream until the link ends.
func (p *peer) send() error {
	f := p.reads()
	defer f.close()
	rest := time.NewTimer(0)
	defer rest.Stop()
	var wrote time.Time
	for {
		b, ok := f.next(512 << 10)
		if !ok {
			return errors.New("the replica is too far behind: client-output-buffer-limit replica")
		}
		if len(b) > 0 {
			if err := p.write(b); err != nil {
				return err
			}
			f.advance(len(b))
			wrote = time.Now()
			continue
		}
		select {
		case <-f.wake:
		case <-p.gone:
			return nil
		}
		if since := time.Since(wrote); since < gatherFor {
			rest.Reset(gatherFor - since)
			select {
			case <-rest.C:
			case <-p.hurry:
			case <-p.gone:
				return nil
			}
		}
	}
}

// listen takes what the replica says until the link ends.
func (p *peer) listen() error {
	var parser resp.Parser
	var args [][]byte
	buf := make([]byte, 0, 1<<10)
	for {
		if len(buf) == cap(buf) {
			if cap(buf) >= 64<<10 {
				return errors.New("a replica sends more than acknowledgements")
			}
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := p.sock.Read(buf[len(buf):cap(buf)])
		if err != nil {
			if err == io.EOF || errors.Is(err, net.ErrClosed) {
				err = nil
			}
			return err
		}
		buf = buf[:len(buf)+n]
		p.heardNS.Store(time.Now().UnixNano())
		for {
			argv, n, err := parser.Next(buf, args, resp.DefaultLimits)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			p.heard(argv)
			buf = buf[:copy(buf, buf[n:])]
			args = argv
		}
	}
}

// heard takes a command of the replica.
func (p *peer) heard(argv [][]byte) {
	if len(argv) < 3 || !bytes.EqualFold(argv[0], []byte("replconf")) || !bytes.EqualFold(argv[1], []byte("ack")) {
		return
	}
	for words := argv[1:]; len(words) >= 2; words = words[2:] {
		n, err := strconv.ParseInt(string(words[1]), 10, 64)
		if err != nil || n < 0 {
			return // it is nonsense
		}
		n = min(n, p.r.backlog.offset())
		switch strings.ToLower(string(words[0])) {
		case "ack":
			p.acked.Store(max(n, p.acked.Load()))
		case "fack":
			p.fsynced.Store(max(n, p.fsynced.Load()))
		}
	}
	if p.is(loading) {
		p.goOnline()
	}
	p.r.acknowledged()
}

// lookAfterPeers pings replicas, ends links that are silent or too far behind, and lets go of
// the backlog when nobody has needed it for long.
func (r *Replication) lookAfterPeers(now time.Time) {
	r.mu.Lock()
	peers := slices.Clone(r.peers)
	if ttl := r.seconds("repl-backlog-ttl"); len(peers) == 0 && ttl > 0 && r.attached && !r.following.Load() && now.Sub(r.aloneAt) > ttl {
		r.log.Info("Replication backlog freed after " + strconv.Itoa(int(ttl.Seconds())) + " seconds without connected replicas.")
		r.detach()
	}
	pings := len(peers) > 0 && !r.following.Load() && !r.ends.Load() && now.Sub(r.pingAt) >= r.seconds("repl-ping-replica-period")
	if pings {
		r.pingAt = now
	}
	r.mu.Unlock()
	if pings {
		r.backlog.write([]byte(ping))
	}
	hard, soft, softFor := r.outputLimit()
	r.backlog.setMost(hard)
	timeout := r.seconds("repl-timeout")
	for _, p := range peers {
		if !p.taken() {
			continue
		}
		if p.is(waits) {
			_ = p.write([]byte("\n")) // it shall not think that nobody is there
		} else if silent := now.Sub(time.Unix(0, p.heardNS.Load())); silent > timeout && !p.old && !p.rdbOnly {
			r.log.Warn("Disconnecting timedout replica (streaming sync): " + p.name())
			p.close()
			continue
		}
		if f := p.reads(); f == nil || soft <= 0 || f.behind() < soft {
			p.overAt = time.Time{}
		} else if p.overAt.IsZero() {
			p.overAt = now
		} else if now.Sub(p.overAt) > softFor {
			r.log.Warn("closing a replica that is too far behind for too long", "replica", p.name(), "bytes", f.behind())
			p.close()
		}
	}
}

// outputLimit is what client-output-buffer-limit says of replicas.
func (r *Replication) outputLimit() (hard, soft int64, softFor time.Duration) {
	words := r.cfg.Value("client-output-buffer-limit").Strings()
	for ; len(words) >= 4; words = words[4:] {
		if words[0] == "slave" || words[0] == "replica" {
			hard, _ = config.ParseMemory(words[1])
			soft, _ = config.ParseMemory(words[2])
			seconds, _ := strconv.Atoi(words[3])
			softFor = time.Duration(seconds) * time.Second
		}
	}
	// A limit below the backlog would end replicas that can be served from it.
	if size := r.cfg.Value("repl-backlog-size").Int(); hard > 0 {
		hard = max(hard, size)
	}
	return hard, soft, softFor
}
