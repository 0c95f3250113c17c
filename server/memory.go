package server

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"

	"cached/commands"
	"cached/engine"
	"cached/engine/value"
	"cached/internal/host"
	"cached/internal/stats"
)

// memoryUse is where the process's memory is, in bytes.
type memoryUse struct {
	data    int64 // blocks of keys and values, without the tables that find them
	tables  int64
	free    int64 // inside slabs in use, and free pages kept
	clients int64 // buffers
	heap    int64 // live Go objects, clients' buffers included
	runtime int64 // taken from the system by the Go runtime
	rss     int64
	total   int64 // of the machine
}

// used is used_memory of INFO: the memory that the data and the server need.
func (m memoryUse) used() int64 { return m.data + m.tables + m.heap }

// memoryUse looks at everything.
func (mm *Memory) memoryUse(tx *engine.Tx) memoryUse {
	e := mm.keys.Memory(tx)
	m := memoryUse{data: e.Live - e.Tables, tables: e.Tables, free: e.Gaps + e.Kept}
	for _, c := range mm.allClients() {
		m.clients += c.memory()
	}
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	m.heap = int64(sample[0].Value.Uint64())
	m.runtime = int64(sample[1].Value.Uint64() - sample[2].Value.Uint64())
	m.rss, m.total = host.ResidentBytes(), host.MemoryBytes()
	if m.rss == 0 {
		m.rss = e.Live + e.Gaps + e.Kept + m.runtime
	}
	mm.notePeak(m.used())
	return m
}

// notePeak remembers the most memory that was used.
func (mm *Memory) notePeak(n int64) {
	for {
		old := mm.peak.Load()
		if n <= old || mm.peak.CompareAndSwap(old, n) {
			return
		}
	}
}

func (mm *Memory) report(to stats.Sink, tx *engine.Tx) {
	m := mm.memoryUse(tx)
	used, peak := m.used(), mm.peak.Load()
	overhead := used - m.data
	limit := mm.cfg.Value("maxmemory").Bytes(m.total)
	allocated, active := m.data+m.tables, m.data+m.tables+m.free
	to.Sample(stats.Gauge("used_memory", used, "Memory that the data and the server need").In(stats.Bytes).ForPeople())
	to.Sample(stats.Gauge("used_memory_rss", m.rss, "Memory of the process in the system's figures").In(stats.Bytes).ForPeople())
	to.Sample(stats.Gauge("used_memory_peak", peak, "Most memory that was needed").In(stats.Bytes).ForPeople())
	to.Sample(stats.Float("used_memory_peak_perc", 100*stats.Quotient(used, peak), 2, "Memory needed compared to the most that was").In(stats.Percent).ForPeople())
	to.Sample(stats.Gauge("used_memory_overhead", overhead, "Memory needed beside the data").In(stats.Bytes))
	to.Sample(stats.Gauge("used_memory_startup", mm.startBytes, "Memory needed before the first key").In(stats.Bytes))
	to.Sample(stats.Gauge("used_memory_dataset", m.data, "Memory of keys and values").In(stats.Bytes))
	to.Sample(stats.Float("used_memory_dataset_perc", 100*stats.Quotient(m.data, max(used-mm.startBytes, 1)), 2,
		"Keys and values among the memory needed since the start").In(stats.Percent).ForPeople())
	to.Sample(stats.Gauge("allocator_allocated", allocated, "Memory of blocks in use").In(stats.Bytes))
	to.Sample(stats.Gauge("allocator_active", active, "Memory of slabs in use").In(stats.Bytes))
	to.Sample(stats.Plain("allocator_resident", active))
	to.Sample(stats.Plain("allocator_muzzy", 0))
	to.Sample(stats.Gauge("total_system_memory", m.total, "Memory of the machine").In(stats.Bytes).ForPeople())
	use := mm.parts.Scripts()
	to.Sample(stats.Plain("used_memory_lua", 0).In(stats.Bytes).ForPeople())
	to.Sample(stats.Plain("used_memory_vm_eval", 0))
	to.Sample(stats.Gauge("used_memory_scripts_eval", use.ScriptBytes, "Memory of cached scripts").In(stats.Bytes))
	to.Sample(stats.Gauge("number_of_cached_scripts", use.Scripts, "Cached scripts"))
	to.Sample(stats.Gauge("number_of_functions", use.Functions, "Functions"))
	to.Sample(stats.Gauge("number_of_libraries", use.Libraries, "Libraries of functions"))
	to.Sample(stats.Plain("used_memory_vm_functions", 0))
	to.Sample(stats.Plain("used_memory_vm_total", 0).In(stats.Bytes).ForPeople())
	to.Sample(stats.Gauge("used_memory_functions", use.LibraryBytes, "Memory of libraries of functions").In(stats.Bytes))
	to.Sample(stats.Gauge("used_memory_scripts", use.ScriptBytes+use.LibraryBytes, "Memory of scripts and functions").In(stats.Bytes).ForPeople())
	to.Sample(stats.Gauge("maxmemory", limit, "Limit of memory, or 0").In(stats.Bytes).ForPeople())
	to.Sample(stats.State("maxmemory_policy", mm.cfg.Value("maxmemory-policy").String(), "Policy of eviction"))
	to.Sample(stats.Float("allocator_frag_ratio", stats.Quotient(active, allocated), 2, "Memory of slabs compared to that of blocks in use").In(stats.Ratio))
	to.Sample(stats.Gauge("allocator_frag_bytes", active-allocated, "Memory of slabs that no block uses").In(stats.Bytes))
	to.Sample(stats.PlainText("allocator_rss_ratio", "1.00"))
	to.Sample(stats.Plain("allocator_rss_bytes", 0))
	to.Sample(stats.Float("rss_overhead_ratio", stats.Quotient(m.rss, active), 2, "Memory of the process compared to that of slabs").In(stats.Ratio))
	to.Sample(stats.Gauge("rss_overhead_bytes", m.rss-active, "Memory of the process beside slabs").In(stats.Bytes))
	to.Sample(stats.Float("mem_fragmentation_ratio", stats.Quotient(m.rss, used), 2, "Memory of the process compared to what is needed").In(stats.Ratio))
	to.Sample(stats.Gauge("mem_fragmentation_bytes", m.rss-used, "Memory of the process beside what is needed").In(stats.Bytes))
	to.Sample(stats.Plain("mem_not_counted_for_evict", 0))
	to.Sample(stats.Plain("mem_replication_backlog", 0))
	to.Sample(stats.Plain("mem_total_replication_buffers", 0))
	to.Sample(stats.Plain("mem_clients_slaves", 0))
	to.Sample(stats.Gauge("mem_clients_normal", m.clients, "Memory of clients").In(stats.Bytes))
	to.Sample(stats.Plain("mem_cluster_links", 0))
	to.Sample(stats.Gauge("mem_aof_buffer", mm.parts.LogBuffer(), "Memory of the buffer of the append-only file").In(stats.Bytes))
	to.Sample(stats.PlainText("mem_allocator", "cached-slabs"))
	to.Sample(stats.Gauge("mem_go_runtime", m.runtime, "Memory that the Go runtime has from the system").In(stats.Bytes))
	to.Sample(stats.Gauge("active_defrag_running", mm.limit.defragShare.Load(), "Share of a processor that defragmentation takes").In(stats.Percent))
	to.Sample(stats.Gauge("lazyfree_pending_objects", mm.keys.LazyPending(tx), "Values that wait to be freed"))
	to.Sample(stats.Counter("lazyfreed_objects", mm.keys.Stats(tx).LazyFreed, "Values freed in the background"))
	mm.reportCompression(to)
}

func (mm *Memory) memoryUsage(c *commands.Ctx) error {
	samples := int64(5)
	a := c.Args(3)
	for a.More() {
		if a.Left() < 2 || !a.Is("SAMPLES") {
			return commands.ErrSyntax
		}
		if samples = a.Int(); a.Err() == nil && samples < 0 {
			return commands.ErrSyntax
		}
	}
	if err := a.End(); err != nil {
		return err
	}
	it := c.Tx.Peek(c.Argv[2])
	if it.IsZero() {
		c.Reply.Null()
		return nil
	}
	// Its share of the table is about ten bytes.
	c.Reply.Int(value.Bytes(it, int(samples)) + 10)
	return nil
}

func (mm *Memory) memoryStats(c *commands.Ctx) error {
	m := mm.memoryUse(c.Tx)
	used, peak := m.used(), mm.peak.Load()
	type entry struct {
		name  string
		value any
	}
	var dbs []entry
	keys, blessed := int64(0), int64(0)
	for db := range mm.keys.Databases() {
		if d := mm.keys.DBStats(c.Tx, db, c.NowMS); d.Keys > 0 {
			keys, blessed = keys+int64(d.Keys), blessed+int64(d.Pinned)
			dbs = append(dbs, entry{fmt.Sprintf("db.%d", db), int64(d.Keys)})
		}
	}
	perKey := int64(0)
	if keys > 0 {
		perKey = (used - mm.startBytes) / keys
	}
	all := []entry{{"peak.allocated", peak}, {"total.allocated", used}, {"startup.allocated", mm.startBytes},
		{"replication.backlog", int64(0)}, {"clients.slaves", int64(0)}, {"clients.normal", m.clients},
		{"cluster.links", int64(0)}, {"aof.buffer", mm.parts.LogBuffer()}, {"lua.caches", int64(0)}, {"functions.caches", int64(0)}}
	all = append(all, dbs...)
	active := m.data + m.tables + m.free
	all = append(all, entry{"overhead.total", used - m.data}, entry{"keys.count", keys}, entry{"keys.blessed", blessed}, entry{"keys.bytes-per-key", perKey},
		entry{"dataset.bytes", m.data}, entry{"dataset.percentage", 100 * stats.Quotient(m.data, max(used-mm.startBytes, 1))},
		entry{"peak.percentage", 100 * stats.Quotient(used, peak)}, entry{"allocator.allocated", m.data + m.tables},
		entry{"allocator.active", active}, entry{"allocator.resident", active},
		entry{"allocator-fragmentation.ratio", stats.Quotient(active, m.data+m.tables)}, entry{"allocator-fragmentation.bytes", m.free},
		entry{"allocator-rss.ratio", 1.0}, entry{"allocator-rss.bytes", int64(0)},
		entry{"rss-overhead.ratio", stats.Quotient(m.rss, active)}, entry{"rss-overhead.bytes", m.rss - active},
		entry{"fragmentation", stats.Quotient(m.rss, used)}, entry{"fragmentation.bytes", m.rss - used})
	c.Reply.Map(len(all))
	for _, e := range all {
		c.Reply.BulkString(e.name)
		switch v := e.value.(type) {
		case float64:
			c.Reply.Double(v)
		case int64:
			if len(e.name) > 3 && e.name[:3] == "db." {
				// The tables serve deadlines too: there is no second one.
				c.Reply.Map(2)
				c.Reply.BulkString("overhead.hashtable.main")
				c.Reply.Int(v * 10)
				c.Reply.BulkString("overhead.hashtable.expires")
				c.Reply.Int(0)
				continue
			}
			c.Reply.Int(v)
		}
	}
	return nil
}

func (mm *Memory) memoryDoctor(c *commands.Ctx) error {
	m := mm.memoryUse(c.Tx)
	active := m.data + m.tables + m.free
	text := "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
	switch {
	case m.data < 5<<20:
		text = "Hi Sam, this instance is empty or is using very little memory, my issue detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n"
	case stats.Quotient(active, m.data+m.tables) > 1.4 && m.free > 10<<20:
		text = fmt.Sprintf("Sam, I detected a few issues in this instance memory implants:\n\n * High allocator fragmentation: %.2f times what the data needs is held in its size classes. MEMORY PURGE gives back what is wholly free.\n\nI'm here to keep you safe, Sam. I want to help you.\n", stats.Quotient(active, m.data+m.tables))
	case mm.limit.bytes.Load() > 0 && mm.limit.tooMuch(mm.keys) && mm.blessed(c) > 0:
		text = fmt.Sprintf("Sam, I detected a few issues in this instance memory implants:\n\n * Blessed keys: more memory is in use than maxmemory, and %d keys are protected from eviction. List them with BLESS SCAN, and let those go that need not stay with BLESS CLEAR.\n\nI'm here to keep you safe, Sam. I want to help you.\n", mm.blessed(c))
	case m.clients > 200<<10*int64(max(len(mm.allClients()), 1)):
		text = "Sam, I detected a few issues in this instance memory implants:\n\n * Big client buffers: the clients of this instance use more than 200 kB each on average. Look for clients that do not read their replies with CLIENT LIST.\n\nI'm here to keep you safe, Sam. I want to help you.\n"
	}
	c.Reply.Verbatim("txt", text)
	return nil
}

// blessed is how many keys are not evicted.
func (mm *Memory) blessed(c *commands.Ctx) (n int) {
	for db := range mm.keys.Databases() {
		n += mm.keys.DBStats(c.Tx, db, c.NowMS).Pinned
	}
	return n
}

func (mm *Memory) memoryPurge(c *commands.Ctx) error {
	if clientOf(c).mode&inExec == 0 {
		mm.keys.CompactAll(c.NowMS)
		debug.FreeOSMemory() // and the garbage of scripts and buffers
	} else {
		mm.keys.Trim() // the transaction's locks are held
	}
	c.Reply.OK()
	return nil
}

func (mm *Memory) memoryMallocStats(c *commands.Ctx) error {
	m := mm.memoryUse(c.Tx)
	c.Reply.Verbatim("txt", fmt.Sprintf("slabs: %d bytes in blocks of items, %d in tables, %d free\nGo runtime: %d bytes of objects, %d from the system\n",
		m.data, m.tables, m.free, m.heap, m.runtime))
	return nil
}

func (mm *Memory) memoryHelp(c *commands.Ctx) error {
	return c.ReplyHelp("MEMORY",
		"DOCTOR",
		"    Return memory problems reports.",
		"MALLOC-STATS",
		"    Return internal statistics report from the memory allocator.",
		"PURGE",
		"    Attempt to purge dirty pages for reclamation by the allocator.",
		"STATS",
		"    Return information about the memory usage of the server.",
		"USAGE <key> [SAMPLES <count>]",
		"    Return memory in bytes used by <key> and its value. Nested values are",
		"    sampled up to <count> times (default: 5, 0 means sample all).")
}
