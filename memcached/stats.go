package memcached

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"cached/commands"
	hosts "cached/internal/host"
)

// A hits counts look-ups of a kind.
type hits struct{ hits, misses atomic.Int64 }

// counts are what memcached counts and the server does not.
type counts struct {
	incr, decr               hits
	deleteHits, deleteMisses atomic.Int64
	touchHits, touchMisses   atomic.Int64
	casHits, casMisses       atomic.Int64
	casBad                   atomic.Int64
}

func (n *counts) touch(found bool) {
	if found {
		n.touchHits.Add(1)
	} else {
		n.touchMisses.Add(1)
	}
}

func (n *counts) reset() {
	for _, x := range []*atomic.Int64{&n.incr.hits, &n.incr.misses, &n.decr.hits, &n.decr.misses, &n.deleteHits,
		&n.deleteMisses, &n.touchHits, &n.touchMisses, &n.casHits, &n.casMisses, &n.casBad} {
		x.Store(0)
	}
}

// A sheet is a reply of STAT lines.
type sheet struct{ c *commands.Ctx }

func (s sheet) text(name, v string) { reply(s.c, "STAT "+name+" "+v) }
func (s sheet) num(name string, n int64) {
	s.text(name, strconv.FormatInt(n, 10))
}

// stats replies figures in memcached's form.
func (p *Protocol) stats(c *commands.Ctx) error {
	kind := ""
	if len(c.Argv) > 1 {
		kind = string(c.Argv[1])
	}
	s := sheet{c}
	switch kind {
	case "":
		p.general(s)
	case "settings":
		p.settings(s)
	case "reset":
		p.counts.reset()
		c.Tx.Engine().ResetStats(nil)
		reply(c, "RESET")
		return nil
	case "items":
		p.items(s)
	case "slabs":
		p.slabs(s)
	case "sizes":
		s.text("sizes_status", "disabled")
	case "conns":
		f := figures(c)
		s.num("0:secs_since_last_cmd", 0)
		s.text("0:addr", "tcp:"+strconv.Itoa(p.Port()))
		s.text("0:state", "conn_listening")
		s.num("curr_connections", f["curr_connections"])
	default:
		reply(c, "ERROR")
		return nil
	}
	reply(c, "END")
	return nil
}

// figures are those of the server, by name.
func figures(c *commands.Ctx) map[string]int64 {
	f := make(map[string]int64)
	c.Env.(host).Figures(func(name string, n int64) { f[name] = n })
	return f
}

func (p *Protocol) general(s sheet) {
	c := s.c
	f := figures(c)
	e := c.Tx.Engine()
	st, db := e.Stats(nil), e.DBStats(nil, p.database, c.NowMS)
	live, _ := e.InUse()
	sys, user := hosts.CPUTime()
	called := func(names ...string) (n int64) {
		for _, name := range names {
			n += f[Name+"."+name]
		}
		return n
	}
	touched := p.counts.touchHits.Load() + p.counts.touchMisses.Load()
	sets := called("set", "add", "replace", "append", "prepend", "cas")
	s.num("pid", int64(os.Getpid()))
	s.num("uptime", f["uptime"])
	s.num("time", c.NowMS/1000)
	s.text("version", Version)
	s.num("pointer_size", 64)
	s.text("rusage_user", seconds(user))
	s.text("rusage_system", seconds(sys))
	s.num("max_connections", f["max_connections"])
	s.num("curr_connections", f["curr_connections"])
	s.num("total_connections", f["total_connections"])
	s.num("rejected_connections", f["rejected_connections"])
	s.num("connection_structures", f["curr_connections"])
	s.num("response_obj_oom", 0)
	s.num("read_buf_oom", 0)
	s.num("reserved_fds", 0)
	s.num("cmd_get", st.Hits+st.Misses)
	s.num("cmd_set", sets)
	s.num("cmd_flush", called("flush_all"))
	s.num("cmd_touch", touched)
	s.num("cmd_meta", 0)
	s.num("get_hits", st.Hits)
	s.num("get_misses", st.Misses)
	s.num("get_expired", 0)
	s.num("get_flushed", 0)
	s.num("delete_misses", p.counts.deleteMisses.Load())
	s.num("delete_hits", p.counts.deleteHits.Load())
	s.num("incr_misses", p.counts.incr.misses.Load())
	s.num("incr_hits", p.counts.incr.hits.Load())
	s.num("decr_misses", p.counts.decr.misses.Load())
	s.num("decr_hits", p.counts.decr.hits.Load())
	s.num("cas_misses", p.counts.casMisses.Load())
	s.num("cas_hits", p.counts.casHits.Load())
	s.num("cas_badval", p.counts.casBad.Load())
	s.num("touch_hits", p.counts.touchHits.Load())
	s.num("touch_misses", p.counts.touchMisses.Load())
	s.num("store_too_large", called("toolarge"))
	s.num("store_no_memory", 0)
	s.num("auth_cmds", 0)
	s.num("auth_errors", 0)
	s.num("bytes_read", f["bytes_read"])
	s.num("bytes_written", f["bytes_written"])
	s.num("limit_maxbytes", f["limit_maxbytes"])
	s.num("accepting_conns", 1)
	s.num("listen_disabled_num", 0)
	s.num("time_in_listen_disabled_us", 0)
	s.num("threads", f["threads"])
	s.num("conn_yields", 0)
	s.num("hash_power_level", 0)
	s.num("hash_bytes", 0)
	s.num("hash_is_expanding", 0)
	s.num("slab_reassign_running", 0)
	s.num("slabs_moved", 0)
	s.num("lru_crawler_running", 0)
	s.num("lru_crawler_starts", 0)
	s.num("malloc_fails", 0)
	s.num("log_worker_dropped", 0)
	s.num("log_worker_written", 0)
	s.num("bytes", live)
	s.num("curr_items", int64(db.Keys))
	s.num("total_items", sets)
	s.num("slab_global_page_pool", 0)
	s.num("expired_unfetched", 0)
	s.num("evicted_unfetched", 0)
	s.num("evicted_active", 0)
	s.num("evictions", st.Evicted)
	s.num("reclaimed", st.Expired)
	s.num("crawler_reclaimed", 0)
	s.num("crawler_items_checked", 0)
	s.num("lrutail_reflocked", 0)
}

// seconds is a duration as memcached writes that of processors.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }

func (p *Protocol) settings(s sheet) {
	f := figures(s.c)
	s.num("maxbytes", f["limit_maxbytes"])
	s.num("maxconns", f["max_connections"])
	s.num("tcpport", int64(p.Port()))
	s.num("udpport", 0)
	s.text("inter", strings.Join(p.cfg.Value("bind").Strings(), ","))
	s.num("verbosity", 0)
	s.num("oldest", 0)
	s.text("evictions", onOff(p.cfg.Value("maxmemory-policy").String() != "noeviction"))
	s.text("domain_socket", "NULL")
	s.text("shutdown_command", "no")
	s.num("num_threads", f["threads"])
	s.text("detail_enabled", "no")
	s.text("cas_enabled", "yes")
	s.text("auth_enabled_sasl", "no")
	s.text("auth_enabled_ascii", "no")
	s.num("item_size_max", int64(p.mostItem()))
	s.text("maxconns_fast", "yes")
	s.text("flush_enabled", "yes")
	s.text("dump_enabled", "no")
	s.text("binding_protocol", "ascii")
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// items has one class: there are no slabs.
func (p *Protocol) items(s sheet) {
	e := s.c.Tx.Engine()
	db := e.DBStats(nil, p.database, s.c.NowMS)
	if db.Keys == 0 {
		return
	}
	st := e.Stats(nil)
	s.num("items:1:number", int64(db.Keys))
	s.num("items:1:evicted", st.Evicted)
	s.num("items:1:evicted_nonzero", 0)
	s.num("items:1:outofmemory", 0)
	s.num("items:1:reclaimed", st.Expired)
}

func (p *Protocol) slabs(s sheet) {
	live, resident := s.c.Tx.Engine().InUse()
	s.num("1:mem_requested", live)
	s.num("active_slabs", 1)
	s.num("total_malloced", resident)
}
