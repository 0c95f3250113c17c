package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A bench is one run of the command.
type bench struct {
	out    io.Writer
	rounds int
	quick  bool

	traces  string   // the directory of traces; empty: one is made up
	loads   []string // those of hitratio and load; empty: all
	servers []string // of hitratio and lookaside; empty: all

	profile  string // file for CPU profiles of cached; empty: none
	profiles string // the directory for its parts

	dir   string    // for the binaries and the servers' working directories
	peers []program // cached first, redis second
}

// A program is a server that can be started.
type program struct {
	name      string
	bin       string
	memcached bool // speaks memcached's text protocol
}

func main() {
	var (
		only      = flag.String("only", "", "sections by comma: strings, memory, pause, slow, structures, server, load, idle, persistence, compression, cache, expiry, hitratio, lookaside; empty: all but the last three")
		traces    = flag.String("traces", os.Getenv("CACHED_TRACES"), "directory of traces for hitratio and lookaside; empty: one is made up")
		loads     = flag.String("workloads", "", "workloads of hitratio and lookaside by comma, such as oltp/etc*2, or of load (connections/depth/rate), such as 50/1/15000; empty: all")
		servers   = flag.String("servers", "", "servers of hitratio and lookaside by comma; empty: all")
		quick     = flag.Bool("quick", false, "smaller loads and one round")
		rounds    = flag.Int("rounds", 3, "rounds of which the median is taken")
		cachedBin = flag.String("cached", "", "path of cached; empty: build cmd/cached")
		beside    = flag.String("beside", "", "path of another build of cached, which is measured too")
		redisBin  = flag.String("redis", "redis-server", "path of redis-server")
		file      = flag.String("o", "", "also write the report to this file")
		profile   = flag.String("profile", "", "write what cached spends its time on to this file, for go build -pgo; the figures are of no use then")
	)
	flag.Parse()
	b := &bench{out: os.Stdout, rounds: *rounds, quick: *quick, traces: *traces, loads: words(*loads), servers: words(*servers), profile: *profile}
	if err := b.run(words(*only), *cachedBin, *beside, *redisBin, *file); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// words are the parts of a list with commas.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func (b *bench) run(chosen []string, cachedBin, beside, redisBin, file string) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("it reads /proc, so it runs on Linux only")
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer stopAll()
	stopOnSignal(dir)

	b.dir = dir
	if b.quick {
		b.rounds = 1
	}
	if file != "" {
		f, err := os.Create(file)
		if err != nil {
			return err
		}
		defer f.Close()
		b.out = io.MultiWriter(os.Stdout, f)
	}
	if err := b.findPeers(cachedBin, redisBin); err != nil {
		return err
	}
	if beside != "" {
		b.peers = append(b.peers, program{name: "beside", bin: beside})
	}
	sections := []section{{"strings", true, b.strings}, {"memory", true, b.memory}, {"pause", true, b.pause}, {"slow", true, b.slow},
		{"structures", true, b.structures}, {"server", true, b.serving}, {"load", true, b.offeredLoad}, {"idle", true, b.idle}, {"persistence", true, b.persistence},
		{"compression", true, b.compression}, {"cache", true, b.caches}, {"cache", true, b.locks}, {"expiry", false, b.expiry}, {"hitratio", false, b.hitRatio},
		{"lookaside", false, b.lookAsideCost}}
	for _, name := range chosen {
		if !slices.ContainsFunc(sections, func(s section) bool { return s.name == name }) {
			return fmt.Errorf("no section %q", name)
		}
	}

	b.header()
	for _, s := range sections {
		if len(chosen) > 0 && !slices.Contains(chosen, s.name) || len(chosen) == 0 && !s.usual {
			continue
		}
		if err := s.run(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return b.mergeProfiles()
}

// A section is a part of the report.
type section struct {
	name  string
	usual bool // when no section is asked for
	run   func() error
}

func (b *bench) findPeers(cachedBin, redisBin string) error {
	if _, err := exec.LookPath("redis-benchmark"); err != nil {
		return fmt.Errorf("redis-benchmark makes the load and is not on the PATH: sh scripts/install-test-deps.sh")
	}
	var err error
	if cachedBin == "" {
		cachedBin = filepath.Join(b.dir, "cached")
		build := []string{"build", "-o", cachedBin}
		if b.profile != "" {
			b.profiles = filepath.Join(b.dir, "profiles")
			if err := os.Mkdir(b.profiles, 0o755); err != nil {
				return err
			}
			build = append(build, "-tags", "profile", "-pgo", "off")
		}
		cmd := exec.Command("go", append(build, "cached/cmd/cached")...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build cached: %w\n%s", err, out)
		}
	} else if b.profile != "" {
		return fmt.Errorf("-profile takes a binary of its own making, not that of -cached")
	} else if cachedBin, err = exec.LookPath(cachedBin); err != nil {
		return err
	}
	if redisBin, err = exec.LookPath(redisBin); err != nil {
		return err
	}
	b.peers = []program{{name: "cached", bin: cachedBin}, {name: "redis", bin: redisBin}}
	if bin, err := exec.LookPath("valkey-server"); err == nil {
		b.peers = append(b.peers, program{name: "valkey", bin: bin})
	}
	if bin, err := exec.LookPath("memcached"); err == nil {
		b.peers = append(b.peers, program{name: "memcached", bin: bin, memcached: true})
	}
	return nil
}

// redisLike is the peers that speak RESP.
func (b *bench) redisLike() []program {
	return slices.DeleteFunc(slices.Clone(b.peers), func(p program) bool { return p.memcached })
}

func (b *bench) header() {
	b.printf("Machine: %s, %d cores, Linux %s.  \n", cpuModel(), runtime.NumCPU(), kernel())
	var versions []string
	for _, p := range b.peers {
		versions = append(versions, p.name+": "+version(p))
	}
	b.printf("Servers: %s.  \n", strings.Join(versions, "; "))
	b.printf("Date: %s; %d round(s). Reproduce with `go run ./bench %s`.\n",
		time.Now().UTC().Format("2006-01-02"), b.rounds, strings.Join(os.Args[1:], " "))
}

func version(p program) string {
	arg := "--version"
	if p.memcached {
		arg = "-V"
	}
	out, err := exec.Command(p.bin, arg).Output()
	if err != nil {
		return "unknown version"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if i := strings.Index(line, " sha="); i > 0 {
		line = line[:i]
	}
	return line
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for _, line := range strings.Split(string(text), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(text))
}

// small picks the load of a quick run.
func (b *bench) small(n, quick int) int {
	if b.quick {
		return quick
	}
	return n
}

func (b *bench) printf(format string, args ...any) { fmt.Fprintf(b.out, format, args...) }

// note prints the progress for the user.
func (b *bench) note(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
