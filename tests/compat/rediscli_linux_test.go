package compat

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// redis-cli is the usual tool to examine a server. Each of its modes runs here as users run it; where its output
// does not depend on time or memory, it has to be the same for both servers.

func cliCommand(t *testing.T, p *process, args ...string) *exec.Cmd {
	t.Helper()
	needReference(t) // they are installed together
	return exec.Command("redis-cli", append([]string{"-p", strconv.Itoa(p.port)}, args...)...)
}

// cli returns the output of redis-cli, and its exit status if that is not 0.
func cli(t *testing.T, p *process, stdin string, args ...string) string {
	t.Helper()
	cmd := cliCommand(t, p, args...)
	cmd.Stdin = strings.NewReader(stdin)
	stuck := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}

// cliTwins are both servers, with the same keys in them.
func cliTwins(t *testing.T, args ...string) (mine, theirs *process) {
	t.Helper()
	mine, theirs = startOwn(t, subjectBin, args...), older.start(t, args...)
	var fill strings.Builder
	for i := range 300 {
		fmt.Fprintf(&fill, "SET string:%d %s\r\n", i, strings.Repeat("x", i+1))
	}
	fill.WriteString("RPUSH list a b c d\r\nSADD set a b c\r\nHSET hash f v\r\nZADD zset 1 a 2 b\r\nXADD stream 1-1 f v\r\n")
	for _, p := range []*process{mine, theirs} {
		cli(t, p, fill.String())
	}
	return mine, theirs
}

func sortedLinesOf(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestCLIShowsTheSame(t *testing.T) {
	mine, theirs := cliTwins(t)
	script := filepath.Join(t.TempDir(), "script.lua")
	if err := os.WriteFile(script, []byte("return {KEYS[1], ARGV[1], redis.call('STRLEN', KEYS[1])}"), 0o600); err != nil {
		t.Fatal(err)
	}
	summary := func(text string) string {
		_, text, _ = strings.Cut(text, "-------- summary -------")
		return text
	}
	whole := func(text string) string { return text }
	for _, c := range []struct {
		stdin string
		args  []string
		part  func(string) string
	}{
		{"", []string{"--scan"}, sortedLinesOf},
		{"", []string{"--scan", "--pattern", "string:1?"}, sortedLinesOf},
		{"", []string{"--scan", "--pattern", "[ls]*t"}, sortedLinesOf},
		{"", []string{"--bigkeys"}, summary},
		{"", []string{"--eval", script, "string:7", ",", "arg"}, whole},
		{"SET piped 1\r\n\r\n*2\r\n$3\r\nGET\r\n$5\r\npiped\r\nBOGUS\r\nLPUSH piped x\r\n", []string{"--pipe"}, whole},
		{"", []string{"-3", "HGETALL", "hash"}, whole},
		{"", []string{"-3", "--no-raw", "HGETALL", "hash"}, whole},
		{"", []string{"--no-raw", "ZRANGE", "zset", "0", "-1", "WITHSCORES"}, whole},
		{"", []string{"--json", "-3", "HGETALL", "hash"}, whole},
		{"", []string{"--csv", "LRANGE", "list", "0", "-1"}, whole},
		{"PING\nGET string:3\nNOSUCH\nLLEN list\n", nil, whole},
		{"stdin", []string{"-x", "SET", "fromstdin"}, whole},
		{"stdin", []string{"-X", "tag", "SET", "fromstdin", "tag"}, whole},
		{"", []string{"-n", "3", "-r", "3", "INCR", "counter"}, whole},
		{"", []string{"--no-raw", "-e", "TYPE", "list"}, whole},
	} {
		a, b := c.part(cli(t, mine, c.stdin, c.args...)), c.part(cli(t, theirs, c.stdin, c.args...))
		if a != b || a == "" {
			t.Errorf("redis-cli %v shows\n%s\nof the reference\n%s", c.args, a, b)
		}
	}
}

func TestCLIMeasures(t *testing.T) {
	p, _ := cliTwins(t, "--maxmemory-policy", "allkeys-lfu")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--memkeys"}, `300 strings with \d+ bytes \(98\.36% of keys, avg size \d+\.\d+\)`},
		{[]string{"--memkeys-samples", "5"}, `Biggest string found '"string:2\d\d"' has \d+ bytes`},
		{[]string{"--hotkeys"}, `hot key found with counter: \d+\tkeyname: "\S+"`},
		{[]string{"--latency"}, `^\d+ \d+ \d+\.\d+ \d+\n$`},
	} {
		if out := cli(t, p, "", c.args...); !regexp.MustCompile(c.want).MatchString(out) {
			t.Errorf("redis-cli %v shows\n%s", c.args, out)
		}
	}
}

func TestCLIWatchesInATerminal(t *testing.T) {
	p, _ := cliTwins(t)
	for _, c := range []struct {
		args  []string
		n     int
		lines string
	}{
		{[]string{"--stat", "-i", "0.05"}, 3, `(?m)^305 +\d+\.\d+[KM] +\d+ +0 +\d+ \(\+\d+\) +\d+`},
		{[]string{"--latency"}, 3, `min: \d+, max: \d+, avg: \d+\.\d+ \(\d+ samples\)`},
		{[]string{"--latency-history", "-i", "0.05"}, 3, `min: \d+, max: \d+, avg: \d+\.\d+ \(\d+ samples\) -- \d+\.\d+ seconds range`},
		{[]string{"--latency-dist", "-i", "0.05"}, 3, `\.\x1b\[48;5;\d+m-\x1b\[48;5;\d+m\*\x1b`},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			runInTerminal(t, cliCommand(t, p, c.args...)).await(c.n, c.lines)
		})
	}
	t.Run("MONITOR", func(t *testing.T) {
		x := runInTerminal(t, cliCommand(t, p, "MONITOR"))
		x.await(1, `OK`)
		cli(t, p, "", "SET", "seen", "by monitor")
		cli(t, p, "", "EVAL", "return redis.call('GET', KEYS[1])", "1", "seen")
		x.await(1, `\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "seen" "by monitor"`)
		x.await(1, `\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "EVAL" "return redis\.call\('GET', KEYS\[1\]\)" "1" "seen"\r\n`+
			`\d+\.\d{6} \[0 lua\] "GET" "seen"`)
	})
	t.Run("SUBSCRIBE", func(t *testing.T) {
		x := runInTerminal(t, cliCommand(t, p, "SUBSCRIBE", "news"))
		x.await(1, `1\) "subscribe"\r\n2\) "news"\r\n3\) \(integer\) 1`)
		cli(t, p, "", "PUBLISH", "news", "hello")
		x.await(1, `1\) "message"\r\n2\) "news"\r\n3\) "hello"`)
	})
}

// TestCLITypedSessionIsTheSame types commands and compares every byte that the terminals of both servers get:
// prompts, hints, completions of TAB, and replies.
func TestCLITypedSessionIsTheSame(t *testing.T) {
	mine, theirs := cliTwins(t)
	session := func(p *process, args ...string) string {
		x := runInTerminal(t, cliCommand(t, p, args...))
		prompt := regexp.MustCompile(fmt.Sprintf(`(^|\n)127\.0\.0\.1:%d(\[\d+\])?(\(TX\))?> $`, p.port))
		x.awaitPrompt(prompt)
		for _, line := range []string{"getrange string:5 0 2", "HGETALL hash", "select 3", "MULTI", "get x", "EXEC", "hello 3", "SMEMBERS nosuch",
			"help getrange", "geta\t", "object encoding list", "BOGUS"} {
			x.send(line)
			x.await(1, regexp.QuoteMeta(strings.TrimSpace(line)))
			x.send("\r")
			x.awaitPrompt(prompt)
		}
		x.send("quit\r")
		return x.end()
	}
	for _, args := range [][]string{nil, {"-3"}} {
		a, b := session(mine, args...), session(theirs, args...)
		a, b = withoutPort(a, mine), withoutPort(b, theirs)
		if a != b {
			t.Errorf("the terminal shows\n%q\nof the reference\n%q\nthey differ from here: %q, %q", a, b,
				fork([]byte(a), []byte(b)), fork([]byte(b), []byte(a)))
		}
		if !strings.Contains(a, "key start end") {
			t.Errorf("no hint in %q", a)
		}
	}
}

// sessionVaries matches version and id in HELLO, and the end of a summary.
var sessionVaries = regexp.MustCompile(`"7\.\d\.\d+"|"id" => \(integer\) \d+|\.?\r\r\n`)

// withoutPort is the text of a terminal without the parts that differ from server to server.
func withoutPort(text string, p *process) string {
	return sessionVaries.ReplaceAllString(strings.ReplaceAll(text, strconv.Itoa(p.port), "PORT"), "~")
}
