package server

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cached/engine"
	"cached/internal/config"
	"cached/internal/stats"
	"cached/persistence"
)

var updateInfo = flag.Bool("update-info", false, "write testdata/info.txt")

// startWithDisk starts a server with the persistence of its keyspace, of which nothing is written.
func startWithDisk(t *testing.T, o Options, directives ...string) (*Server, string) {
	t.Helper()
	cfg, err := config.New(persistence.Params())
	if err != nil {
		t.Fatal(err)
	}
	o.Engine = engine.New(engine.Options{})
	d := persistence.New(persistence.Options{Config: cfg, Engine: o.Engine})
	o.Rows, o.Persistence, o.Reporters = d.Commands(), d, append([]Reporter{d}, o.Reporters...)
	s, path := startWith(t, o, directives...)
	return s, path
}

// hosts are fields whose value depends on the machine or on chance; numbers are in all others.
var hosts = regexp.MustCompile(`(?m)^((?:os|go_version|multiplexing_api|executable|run_id|master_replid|\w+_human):|listener0:name=unix,bind=).*`)

var digits = regexp.MustCompile(`\d+`)

// Exporters and clients parse INFO: names, order and format of its fields are part of the protocol.
//
//	go test ./server -run InfoKeeps -update-info
func TestInfoKeepsItsFieldsTheirOrderAndTheirFormat(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		_, path := startWithDisk(t, Options{Portable: portable}, "--stats-prefixes", "user: a,b=",
			"--latency-tracking-info-percentiles", "50 99.9 100")
		conn, r := dial(t, path)
		k := talk{t, conn, r}
		for _, words := range []string{"SET a b", "GET a", "GET user:1", "SET user:1 x EX 100", "HSET h f v", "HPEXPIRE h 100000 FIELDS 1 f",
			"LPUSH a x", "NOSUCH", "CONFIG GET save", "GET a b", "SELECT 3", "SET z 1", "INFO"} {
			k.do(strings.Fields(words)...)
		}
		got := infoText(t, k.do("INFO", "everything"))
		got = digits.ReplaceAllString(hosts.ReplaceAllString(got, "$1..."), "N")
		const file = "testdata/info.txt"
		if *updateInfo {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines, wanted := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(lines), len(wanted)) {
			if lines[i] != wanted[i] {
				t.Fatalf("line %d is %q, want %q", i+1, lines[i], wanted[i])
			}
		}
		if len(lines) != len(wanted) {
			t.Fatalf("%d lines, want %d", len(lines), len(wanted))
		}
	})
}

// infoText is the text in a reply of INFO, with simple ends of lines.
func infoText(t *testing.T, reply string) string {
	t.Helper()
	_, text, ok := strings.Cut(reply, "\r\n")
	if !ok {
		t.Fatalf("no text in %q", reply)
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// openMetrics renders sections in OpenMetrics' form: what a second rendering needs is in the samples.
type openMetrics struct {
	t        *testing.T
	order    []string // names of families
	families map[string]*family
	seen     map[string]bool // names with labels
}

type family struct {
	kind  stats.Kind
	help  string
	lines []string
}

func (m *openMetrics) Sample(s stats.Sample) { m.add("", nil, s) }

func (m *openMetrics) Row(r stats.Row, samples []stats.Sample) {
	for _, s := range samples {
		m.add(r.Family, r.Labels, s)
	}
}

var metricName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (m *openMetrics) add(of string, labels []stats.Label, s stats.Sample) {
	if s.Kind == stats.KindPlain {
		return
	}
	labels = slices.Clone(labels)
	name := s.Name
	if of != "" {
		name = of + "_" + s.Name
	}
	if s.Label.Name != "" {
		name, labels = of, append(labels, s.Label)
	}
	value := ""
	switch v := s.Value; v.Type() {
	case stats.TypeInt:
		value = fmt.Sprint(v.Int())
	case stats.TypeFloat:
		value = fmt.Sprint(v.Float())
	case stats.TypeDuration:
		value = fmt.Sprint(v.Duration().Seconds())
		name += "_seconds"
	case stats.TypeText:
		labels = append(labels, stats.Label{Name: "value", Value: v.Text()})
		value = "1"
	}
	if (s.Kind == stats.KindState) != (s.Value.Type() == stats.TypeText) {
		m.t.Errorf("%s: a text that is no state, or the other way round", name)
	}
	if s.Kind == stats.KindCounter {
		name += "_total"
		if strings.HasPrefix(value, "-") {
			m.t.Errorf("the counter %s is %s", name, value)
		}
	}
	f := m.families[name]
	if f == nil {
		f = &family{kind: s.Kind, help: s.Help}
		m.families[name] = f
		m.order = append(m.order, name)
	}
	if f.kind != s.Kind || f.help != s.Help {
		m.t.Errorf("%s is of two kinds, or has two texts of help", name)
	}
	if s.Help == "" || strings.HasSuffix(s.Help, ".") || strings.Contains(s.Help, "\n") {
		m.t.Errorf("%s: help %q", name, s.Help)
	}
	if !metricName.MatchString(name) {
		m.t.Errorf("%q is no name of a metric", name)
	}
	var b strings.Builder
	for i, l := range labels {
		if !metricName.MatchString(l.Name) {
			m.t.Errorf("%s: %q is no name of a label", name, l.Name)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s=%q", l.Name, l.Value)
	}
	line := "cached_" + name
	if b.Len() > 0 {
		line += "{" + b.String() + "}"
	}
	if m.seen[line] {
		m.t.Errorf("%s is there twice", line)
	}
	m.seen[line] = true
	f.lines = append(f.lines, line+" "+value)
}

// text has the samples of each family together, whatever the order in which they came.
func (m *openMetrics) text() string {
	var b strings.Builder
	for _, name := range m.order {
		f := m.families[name]
		kind := map[stats.Kind]string{stats.KindGauge: "gauge", stats.KindCounter: "counter", stats.KindState: "info"}[f.kind]
		fmt.Fprintf(&b, "# HELP cached_%s %s\n# TYPE cached_%s %s\n%s\n", name, f.help, name, kind, strings.Join(f.lines, "\n"))
	}
	return b.String()
}

func renderMetrics(t *testing.T, s *Server) string {
	m := &openMetrics{t: t, families: map[string]*family{}, seen: map[string]bool{}}
	for _, sec := range s.sections(nil, time.Now().UnixMilli()) {
		sec.Collect(m)
	}
	return m.text()
}

func TestASecondRenderingNeedsNothingButTheSamples(t *testing.T) {
	onBothTransports(t, func(t *testing.T, portable bool) {
		s, path := startWithDisk(t, Options{Portable: portable}, "--stats-prefixes", "user: a\\x2c\\x22=")
		conn, r := dial(t, path)
		k := talk{t, conn, r}
		for _, words := range []string{"CONFIG RESETSTAT", "SET a b", "GET a", "GET user:1", "SET user:1 x EX 100", "LPUSH a x", "SELECT 3",
			"SET z 1", "INFO"} { // INFO publishes what its loop has counted
			k.do(strings.Fields(words)...)
		}
		text := renderMetrics(t, s)
		for _, want := range []string{
			"# TYPE cached_cmdstat_calls_total counter\n",
			`cached_cmdstat_calls_total{command="set"} 3`,
			`cached_cmdstat_calls_total{command="config|resetstat"} 1`,
			`cached_cmdstat_failed_calls_total{command="lpush"} 1`,
			`cached_errorstat_count_total{error="WRONGTYPE"} 1`,
			`cached_db_keys{db="0"} 2`, `cached_db_expires{db="0"} 1`, `cached_db_keys{db="3"} 1`,
			`cached_cache_prefix_misses_total{prefix="user:"} 1`,
			`cached_role{value="master"} 1`,
			`cached_listener{listener="0",address="` + path + `",value="` + path + `"} 1`,
			"cached_keyspace_hits_total 1\n", "cached_keyspace_misses_total 1\n", "cached_rdb_saves_total 0\n", "cached_loading 0\n",
			"# HELP cached_used_memory Memory that the data and the server need\n# TYPE cached_used_memory gauge\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("there is no %q", want)
			}
		}
		for _, want := range []string{`cached_latency_percentiles_usec_seconds\{command="get",quantile="0.999"\} \S*\d\n`,
			`cached_cmdstat_usec_seconds_total\{command="set"\} \S*\d\n`, `cached_used_cpu_user_seconds_total \S*\d\n`} {
			if !regexp.MustCompile(want).MatchString(text) {
				t.Errorf("there is no %s", want)
			}
		}
		for _, never := range []string{"_human", "total_forks", "rdb_last_bgsave_time"} {
			if strings.Contains(text, never) {
				t.Errorf("%s is there", never)
			}
		}
	})
}

// A subsystem of which package server knows nothing.
type reporterDouble struct{ fetched, resets atomic.Int64 }

func (d *reporterDouble) Sections(*engine.Tx, int64) []stats.Section {
	return []stats.Section{
		{Name: "tier", Title: "Tier", After: "persistence", Reset: func() { d.fetched.Store(0); d.resets.Add(1) },
			Collect: func(to stats.Sink) { to.Sample(stats.Counter("tier_fetched", d.fetched.Load(), "Values fetched")) }},
		{Name: "replication", Title: "Replication", Collect: func(to stats.Sink) {
			to.Sample(stats.State("role", "slave", "Role in replication"))
		}},
		{Name: "links", Title: "Links", Shown: stats.InAll, Collect: func(to stats.Sink) {
			to.Row(stats.Row{Family: "link", Name: "link_a", Labels: []stats.Label{{Name: "to", Value: "a"}}},
				[]stats.Sample{stats.Gauge("lag", 3, "Bytes behind")})
		}},
	}
}

func TestASubsystemHandsInSectionsOfItsOwn(t *testing.T) {
	d := &reporterDouble{}
	d.fetched.Store(7)
	s, path := startWithDisk(t, Options{Reporters: []Reporter{d}})
	conn, r := dial(t, path)
	k := talk{t, conn, r}
	for words, want := range map[string]string{"INFO tier": "# Tier\ntier_fetched:7\n", "INFO REPLICATION": "# Replication\nrole:slave\n",
		"INFO links": "# Links\nlink_a:lag=3\n"} {
		if got := infoText(t, k.do(strings.Fields(words)...)); strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
			t.Errorf("%s: %q", words, got)
		}
	}
	all := infoText(t, k.do("INFO"))
	if !regexp.MustCompile(`(?s)# Persistence\n[^#]*\n# Tier\n[^#]*\n# Stats\n`).MatchString(all) || strings.Contains(all, "# Links") {
		t.Errorf("INFO has the sections in another order:\n%s", all)
	}
	if !strings.HasSuffix(strings.TrimRight(infoText(t, k.do("INFO", "all")), "\n"), "# Links\nlink_a:lag=3") {
		t.Error("INFO all does not end with the section of the subsystem")
	}
	if text := renderMetrics(t, s); !strings.Contains(text, `cached_link_lag{to="a"} 3`) || !strings.Contains(text, "cached_tier_fetched_total 7\n") {
		t.Error("the second rendering has no samples of the subsystem")
	}
	k.do("CONFIG", "RESETSTAT")
	if got := infoText(t, k.do("INFO", "tier")); d.resets.Load() != 1 || !strings.Contains(got, "tier_fetched:0") {
		t.Errorf("%d resets, %q", d.resets.Load(), got)
	}
}

// After CONFIG RESETSTAT the rates of commands and bytes were negative for a while.
func TestRatesAreNotNegativeAfterResetstat(t *testing.T) {
	s, _ := startWith(t, Options{})
	var p sampler // beside that of cron
	t0 := &s.totals
	for range 5 {
		for _, n := range []*atomic.Int64{&t0.calls, &t0.netIn, &t0.netOut, &t0.turns} {
			n.Store(1 << 20)
		}
		p.last = time.Now().Add(-time.Second)
		p.sample(s)
		s.resetStats(nil, time.Now().UnixMilli())
		p.last = time.Now().Add(-time.Second)
		p.sample(s)
		for _, n := range []*atomic.Int64{&p.opsPerSec, &p.inPerSec, &p.outPerSec, &p.turnsPerSec, &p.turnNS} {
			if n.Load() < 0 {
				t.Fatalf("%d", n.Load())
			}
		}
	}
}
