package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cached/internal/config"
)

// The tests run this program as others do.
func TestMain(m *testing.M) {
	if os.Getenv("CACHED_TEST_AS_SERVER") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program is a command of this program in a directory of its own.
func program(t *testing.T, args ...string) (cmd *exec.Cmd, out *bytes.Buffer) {
	t.Helper()
	cmd, out = exec.Command(os.Args[0], args...), new(bytes.Buffer)
	cmd.Env = append(os.Environ(), "CACHED_TEST_AS_SERVER=1")
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), out, out
	return cmd, out
}

// A running server of a test.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *bytes.Buffer // to be read after the server has exited
	sock string
}

// start starts a server that listens on a unix socket, with further arguments.
func start(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	dir, err := os.MkdirTemp("", "cached") // the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &running{t: t, sock: dir + "/s"}
	s.cmd, s.out = program(t, append(args, "--port", "0", "--unixsocket", s.sock)...)
	s.cmd.Env = append(s.cmd.Env, env...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(3 * time.Millisecond) {
		if c, err := net.Dial("unix", s.sock); err == nil {
			c.Close()
			return s
		}
		if time.Now().After(end) || syscall.Kill(s.cmd.Process.Pid, 0) != nil {
			t.Fatalf("%q does not start", args)
		}
	}
}

// ask sends inline commands and returns the first n lines of the replies.
func (s *running) ask(n int, commands string) []string {
	s.t.Helper()
	c, err := net.Dial("unix", s.sock)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = c.Write([]byte(commands + "\r\n"))
	var got []byte
	for bytes.Count(got, []byte("\r\n")) < n {
		b := make([]byte, 4096)
		k, err := c.Read(b)
		if err != nil {
			s.t.Fatalf("%s: %q, %v", commands, got, err)
		}
		got = append(got, b[:k]...)
	}
	return strings.Split(string(got), "\r\n")[:n]
}

// end stops the server with a signal and returns its log.
func (s *running) end(sig os.Signal) string {
	s.t.Helper()
	_ = s.cmd.Process.Signal(sig)
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server ended with %v:\n%s", err, s.out)
	}
	return s.out.String()
}

func TestWhatIsAskedOfTheCommandLineAlone(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--help", 1, "Usage: cached "}, {"-h", 1, "cached --check-system"},
		{"--version", 0, "v=7.4"}, {"-v", 0, "Redis server v="},
		{"--test-memory", 1, "Please specify the amount of memory to test in megabytes."},
		{"--test-memory x", 1, "Please specify"}, {"--test-memory 2", 0, "Your memory passed this test."},
		{"--test-memory 9999999999", 1, "Unable to allocate 9999999999 megabytes: "}, // it tried to, until the system killed it
		{"--check-system", -1, "[overcommit]..."},
		{"--nonesuch 1", 1, "Bad directive or wrong number of arguments"}, {"-x", 1, "Bad directive"},
		{"--port", 1, "wrong number of arguments"}, {"--bind", 1, "wrong number of arguments"},
		{"--loadmodule /x.so", 1, "Can't load module from /x.so: server aborting"},
		{"--shutdown-on-sigint foo", 1, "argument(s) must be one of the following: default, save, nosave, now, force"},
		{"--shutdown-on-sigint save nosave", 1, "shutdown options SAVE and NOSAVE can't be used simultaneously"},
		{"--oom-score-adj-values 1 2", 1, "wrong number of arguments"},
		{"--oom-score-adj-values 1 2 3000", 1, "elements must be between -2000 and 2000"},
		{"--replicaof x", 1, "wrong number of arguments"}, {"--replicaof x y", 1, "Invalid master port"},
		{"--port 0", 1, "Configured to not listen anywhere, exiting."},
		{"--list-max-ziplist-entries", 1, "Bad directive or wrong number of arguments"},
	} {
		cmd, out := program(t, strings.Fields(c.args)...)
		_ = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != c.code && c.code >= 0 || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: ends with %d and says %s", c.args, code, out)
		}
	}
}

func TestSettingsOfTheSystemAreLookedAt(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"sys/devices/system/clocksource/clocksource0/current_clocksource": "xen\n", "proc/sys/vm/overcommit_memory": "2\n",
		"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
	} {
		_ = os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755)
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if code := checkSystem(root, &out); code != 1 || strings.Count(out.String(), "WARNING") != 3 {
		t.Errorf("%d: %s", code, out.String())
	}
	out.Reset()
	if code := checkSystem(t.TempDir(), &out); code != 0 || strings.Count(out.String(), "OK") != 3 {
		t.Errorf("%d: %s", code, out.String())
	}
}

// The files that come with servers and charts are taken as they are. testdata has their
// directives, and every directive that servers show.
func TestStockFilesStart(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.conf")
	if len(files) < 9 {
		t.Fatalf("there are %d files", len(files))
	}
	absolute := regexp.MustCompile(`(?m)( )/([\w./-]+)`)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			conf := absolute.ReplaceAllStringFunc(string(text), func(path string) string {
				path = filepath.Join(dir, path[1:])
				_ = os.MkdirAll(filepath.Dir(path), 0o755)
				return " " + path
			})
			for line := range strings.SplitSeq(conf, "\n") {
				if name, ok := strings.CutPrefix(line, "dir "); ok {
					_ = os.MkdirAll(filepath.Join(dir, name), 0o755)
					_ = os.MkdirAll(name, 0o755)
				}
				if name, ok := strings.CutPrefix(line, "aclfile /"); ok {
					_ = os.WriteFile("/"+name, nil, 0o600)
				}
			}
			path := filepath.Join(dir, "it.conf")
			if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
				t.Fatal(err)
			}
			s := start(t, nil, path)
			if got := s.ask(1, "PING"); got[0] != "+PONG" {
				t.Errorf("PING: %q", got)
			}
			s.end(syscall.SIGTERM)
		})
	}
}

func TestCommandLinesOfOthers(t *testing.T) {
	text, err := os.ReadFile("testdata/commandlines.txt")
	if err != nil {
		t.Fatal(err)
	}
	further := filepath.Join(t.TempDir(), "further.conf")
	if err := os.WriteFile(further, []byte("maxmemory-samples 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
		if line[0] == '#' {
			continue
		}
		parts := strings.Split(line, " | ")
		args, err := config.Split(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.Index(args, "FILE"); i >= 0 {
			args[i] = further
		}
		t.Run(parts[0], func(t *testing.T) {
			t.Parallel()
			s := start(t, nil, args...)
			for _, pair := range parts[1:] {
				name, value, _ := strings.Cut(pair, " ")
				login, skip := "", 0
				if i := slices.Index(args, "--requirepass"); i >= 0 {
					login, skip = "AUTH "+config.Quote(args[i+1])+"\r\n", 1
				}
				if got := s.ask(5+skip, login+"CONFIG GET "+name)[4+skip]; got != value {
					t.Errorf("%s is %q instead of %q", name, got, value)
				}
			}
			s.end(syscall.SIGTERM)
		})
	}
}

// A supervisor is notified when the server is ready and when it stops.
func TestTheSupervisorIsTold(t *testing.T) {
	for mode, told := range map[string]bool{"systemd": true, "auto": true, "no": false} {
		name := filepath.Join(t.TempDir(), "n")
		if len(name) > 100 {
			name = "@cached-test-" + strconv.Itoa(os.Getpid()) + mode
		}
		l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		s := start(t, []string{"NOTIFY_SOCKET=" + name}, "--supervised", mode, "--save", "")
		s.ask(1, "PING")
		s.end(syscall.SIGTERM) // the notifications are in the socket
		want := []string{"STATUS=cached is loading...", "STATUS=Ready to accept connections\nREADY=1", "STOPPING=1"}
		if !told {
			want = nil
		}
		_ = l.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		b := make([]byte, 1000)
		for _, w := range want {
			if n, err := l.Read(b); err != nil || string(b[:n]) != w {
				t.Errorf("%s: the supervisor is told %q, %v", mode, b[:n], err)
			}
		}
		if n, err := l.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the supervisor is told %q besides", mode, b[:n])
		}
		l.Close()
	}
}

// A unit with Type=simple, or a shell, gives no socket: the log has the reason why no notification is sent. It had nothing.
func TestASupervisorThatGaveNoSocketIsLogged(t *testing.T) {
	for args, want := range map[string]string{
		"--supervised systemd": "systemd supervision error: NOTIFY_SOCKET not found!",
		"--supervised upstart": "upstart supervision has no effect", "--supervised auto": "",
	} {
		s := start(t, []string{"NOTIFY_SOCKET="}, append(strings.Fields(args), "--save", "")...)
		log := s.end(syscall.SIGTERM)
		if got := strings.Count(log, "supervision"); want != "" && (got != 1 || !strings.Contains(log, want)) || want == "" && got != 0 {
			t.Errorf("%s: the log has %s", args, log)
		}
	}
}

// Operators wait for these words.
func TestTheLogHasTheWordsOfRedis(t *testing.T) {
	dir := t.TempDir()
	logs := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not logged:\n%s", w, out)
			}
		}
	}
	s := start(t, nil, "--dir", dir, "--save", "3600 1", "--appendonly", "yes")
	s.ask(2, "SET a 1\r\nSAVE")
	out := s.end(syscall.SIGTERM)
	logs(out, "Server initialized", "Ready to accept connections unix", "Received SIGTERM scheduling shutdown...", "User requested shutdown...", "DB saved on disk")

	incr := filepath.Join(dir, "appendonlydir", "appendonly.aof.1.incr.aof")
	f, err := os.OpenFile(incr, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("*3\r\n$3\r\nSE")
	f.Close()
	s = start(t, nil, "--dir", dir, "--appendonly", "yes", "--shutdown-on-sigint", "nosave")
	logs(s.end(syscall.SIGINT), "DB loaded from base file appendonly.aof.1.base.rdb: 0.", "DB loaded from incr file appendonly.aof.1.incr.aof: 0.",
		"DB loaded from append only file: 0.", "short read while loading the AOF file appendonly.aof.1.incr.aof", "loaded anyway because aof-load-truncated is enabled",
		"Received SIGINT scheduling shutdown...")
	s = start(t, nil, "--dir", dir)
	c, err := net.Dial("unix", s.sock)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte("SHUTDOWN SAVE\r\n"))
	_ = s.cmd.Wait()
	out = s.out.String()
	logs(out, "DB loaded from disk: 0.", "Done loading RDB, keys loaded: 1, keys expired: 0.", "path="+s.sock)
	// It was logged after the work of SHUTDOWN, and a socket and tls-port had the number of port.
	if strings.Index(out, "User requested shutdown...") > strings.Index(out, "DB saved on disk") {
		t.Errorf("the end is logged behind the saving:\n%s", out)
	}

	if err := os.WriteFile(incr, []byte("nonsense\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, both := program(t, "--dir", dir, "--appendonly", "yes", "--port", "0", "--unixsocket", "s")
	_ = cmd.Run()
	logs(both.String(), "Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup of your AOF file, "+
		"then use ./redis-check-aof --fix appendonly.aof.manifest")
}

// An error that keeps a server from starting is on standard error, and in the log.
func TestErrorsOfTheStartAreInTheLog(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--port nonsense", "argument couldn't be parsed into an integer"},
		{"--port 0", "Configured to not listen anywhere"},
		{"--loadmodule x", "Can't load module from x"},
		{"--user x +nonesuch --port 0", "Error loading ACL rule '+nonesuch' for the user named 'x'"},
	} {
		cmd, out := program(t, append([]string{"--logfile", "it.log"}, strings.Fields(c.args)...)...)
		_ = cmd.Run()
		log, _ := os.ReadFile(filepath.Join(cmd.Dir, "it.log"))
		if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(out.String(), c.want) || !strings.Contains(string(log), c.want) {
			t.Errorf("%s: ends with %d, says %q and logs %q", c.args, code, out, log)
		}
	}
}

// The configuration decides whether a signal saves the data.
func TestSignalsSaveAsConfigured(t *testing.T) {
	for args, saved := range map[string]bool{
		"--save 3600 1": true, "--shutdown-on-sigint save": true, "--save 3600 1 --shutdown-on-sigint nosave": false, "--shutdown-on-sigint default": false,
	} {
		if !strings.HasPrefix(args, "--save") {
			args = "--save  " + args
		}
		dir := t.TempDir()
		s := start(t, nil, append(strings.Fields(args), "--dir", dir)...)
		s.ask(1, "SET a 1")
		s.end(os.Interrupt)
		if _, err := os.Stat(filepath.Join(dir, "dump.rdb")); (err == nil) != saved {
			t.Errorf("%s: a snapshot is there: %v", args, err == nil)
		}
	}
}

// A restarted server is the same process with the same words, and has its data.
func TestDebugRestarts(t *testing.T) {
	for _, how := range []string{"RESTART", "CRASH-AND-RECOVER 1"} {
		dir := t.TempDir()
		s := start(t, nil, "--dir", dir, "--appendonly", "yes", "--enable-debug-command", "yes")
		if got := s.ask(2, "SET a 1\r\nDEBUG "+how); got[1] != "+OK" {
			t.Errorf("%s: %q", how, got)
		}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			c, err := net.Dial("unix", s.sock)
			if err == nil {
				b := make([]byte, 4096)
				_ = c.SetDeadline(time.Now().Add(time.Second))
				_, _ = c.Write([]byte("INFO commandstats\r\nGET a\r\n"))
				n, _ := c.Read(b)
				c.Close()
				if text := string(b[:n]); strings.HasSuffix(text, "$1\r\n1\r\n") && !strings.Contains(text, "cmdstat_set:") {
					break // a server that has run no SET, and has the key
				}
			}
			if time.Now().After(end) {
				t.Fatalf("%s: the server does not come back", how)
			}
		}
		s.end(syscall.SIGTERM)
	}
}

// DEBUG CONFIG-REWRITE-FORCE-ALL writes a file of everything, which is read again.
func TestTheWholeConfigurationIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it.conf")
	if err := os.WriteFile(path, []byte("enable-debug-command yes\nmaxmemory 5mb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, nil, path)
	if got := s.ask(1, "DEBUG CONFIG-REWRITE-FORCE-ALL"); got[0] != "+OK" {
		t.Errorf("%q", got)
	}
	s.end(syscall.SIGTERM)
	text, _ := os.ReadFile(path)
	for _, line := range []string{"maxmemory 5mb", "hz 10", "oom-score-adj-values 0 200 800", `masterauth ""`, "lfu-decay-time 1"} {
		if !strings.Contains(string(text), "\n"+line+"\n") && !strings.HasPrefix(string(text), line) {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
	start(t, nil, path).end(syscall.SIGTERM)
}

// The image is protected without a password and keeps its files in a volume, with any
// arguments: these are the defaults of the server, in its working directory.
func TestTheImageIsProtected(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := strings.Cut(string(text), "FROM scratch\n")
	lines := strings.Split(last, "\n")
	for _, line := range []string{`ENTRYPOINT ["/cached"]`, "WORKDIR /data", "VOLUME /data", "USER 65532:65532"} {
		if !slices.Contains(lines, line) {
			t.Errorf("the Dockerfile has no line %s", line)
		}
	}
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "CMD") }); i >= 0 {
		t.Errorf("%s: arguments take the place of it", lines[i])
	}
	for _, args := range []string{"", "--maxmemory 1gb", "redis-server --appendonly yes"} {
		s := start(t, nil, strings.Fields(args)...)
		for name, want := range map[string]string{"dir": s.cmd.Dir, "protected-mode": "yes", "bind": "* -::*"} {
			if got := s.ask(5, "CONFIG GET "+name)[4]; got != want {
				t.Errorf("with %q %s is %q instead of %q", args, name, got, want)
			}
		}
		s.end(syscall.SIGTERM)
	}
}
