package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cached/internal/host"
	"cached/internal/version"
)

const usage = `Usage: cached [/path/to/redis.conf] [options] [-]
       cached - (read config from stdin)
       cached -v or --version
       cached -h or --help
       cached --test-memory <megabytes>
       cached --check-system

An option is a directive of redis.conf with its values, such as --port 7777.

Examples:
       cached (run the server with default conf)
       echo 'maxmemory 128mb' | cached -
       cached /etc/redis/6379.conf
       cached --port 7777 --maxmemory 1gb --maxmemory-policy allkeys-lru
       cached /etc/redis.conf --loglevel verbose -
`

// oneShot runs command lines that start no server, and returns the exit code; ok is false if a server is to be
// started.
func oneShot(args []string, out, errs io.Writer) (code int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	switch args[0] {
	case "-v", "--version":
		fmt.Fprintf(out, "Redis server v=%s sha=00000000:0 malloc=cached-slabs bits=64 build=cached-%s\n", version.Redis, version.Cached)
		return 0, true
	case "-h", "--help":
		fmt.Fprint(errs, usage)
		return 1, true
	case "--test-memory":
		if len(args) == 2 {
			if n, err := strconv.Atoi(args[1]); err == nil && n > 0 {
				// More than there is would end in swapping, or with the system ending processes.
				if all := host.MemoryBytes(); all > 0 && int64(n) > all>>20 {
					fmt.Fprintf(errs, "Unable to allocate %d megabytes: the machine, or the container, has %d\n", n, all>>20)
					return 1, true
				}
				return testMemory(n, out), true
			}
		}
		fmt.Fprint(errs, "Please specify the amount of memory to test in megabytes.\nExample: ./cached --test-memory 4096\n\n")
		return 1, true
	case "--check-system":
		return checkSystem("/", out), true
	}
	return 0, false
}

// testMemory writes patterns to some megabytes of memory and looks whether they are
// still there.
func testMemory(megabytes int, out io.Writer) int {
	const words = 1 << 20 / 8
	blocks := make([][]uint64, megabytes)
	for i := range blocks {
		blocks[i] = make([]uint64, words)
	}
	patterns := []func(at uint64) uint64{
		func(at uint64) uint64 { return at }, func(at uint64) uint64 { return ^at },
		func(uint64) uint64 { return 0x5555555555555555 }, func(uint64) uint64 { return 0xaaaaaaaaaaaaaaaa },
		func(at uint64) uint64 { return (at + 1) * 0x9e3779b97f4a7c15 },
	}
	wrong := 0
	for n, pattern := range patterns {
		for i, b := range blocks {
			for j := range b {
				b[j] = pattern(uint64(i*words + j))
			}
		}
		for i, b := range blocks {
			for j := range b {
				if b[j] != pattern(uint64(i*words+j)) {
					wrong++
				}
			}
		}
		fmt.Fprintf(out, "Pattern %d of %d: %d MB, %d errors\n", n+1, len(patterns), megabytes, wrong)
	}
	if wrong > 0 {
		fmt.Fprintln(out, "Your memory has errors.")
		return 1
	}
	fmt.Fprintln(out, "Your memory passed this test.")
	return 0
}

// checkSystem looks at settings of Linux that a server suffers from.
func checkSystem(root string, out io.Writer) int {
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(root, name)) // where there is none, nothing is wrong
		return strings.TrimSpace(string(text))
	}
	code := 0
	check := func(name string, fine bool, advice string) {
		fmt.Fprintf(out, "[%s]...", name)
		if fine {
			fmt.Fprintln(out, "OK")
			return
		}
		fmt.Fprintf(out, "WARNING:\n%s\n", advice)
		code = 1
	}
	check("slow-clocksource", !strings.Contains("xen hpet acpi_pm jiffies", or(read("sys/devices/system/clocksource/clocksource0/current_clocksource"), "none")),
		"The clock of this machine is slow to read. Choose tsc, if it is among those in "+
			"/sys/devices/system/clocksource/clocksource0/available_clocksource.")
	check("overcommit", read("proc/sys/vm/overcommit_memory") != "2",
		"Memory overcommit is off (vm.overcommit_memory is 2): the server maps more memory than it uses. Set it to 0 or 1.")
	check("THP", !strings.Contains(read("sys/kernel/mm/transparent_hugepage/enabled"), "[always]"),
		"Transparent huge pages are always on, which costs memory. Set /sys/kernel/mm/transparent_hugepage/enabled to madvise.")
	return code
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
