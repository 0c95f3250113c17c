package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"cached/internal/testcert"
)

// A program uses the server by one client library.
type program struct {
	name    string
	needs   string     // the command that has to be there
	install [][]string // in the folder of the tools, if the file "ready" is not there
	ready   string
	run     []string // in that folder
}

// programs are the clients. src is the folder of this package.
func programs(src string) []program {
	python := filepath.Join("python", "bin", "python")
	npm := program{needs: "npm", ready: "node/node_modules/ioredis", install: [][]string{
		{"mkdir", "-p", "node"},
		{"sh", "-c", "cp " + src + "/node/package.json " + src + "/node/*.mjs node/"},
		{"npm", "install", "--prefix", "node", "--no-audit", "--no-fund", "--silent"},
	}}
	maven := program{needs: "mvn", ready: "java/jars", install: [][]string{
		{"mvn", "-q", "-B", "-f", src + "/java/pom.xml", "dependency:copy-dependencies", "-DoutputDirectory=JARS"},
	}}
	node := func(name, file string) program {
		p := npm
		// The program must be in the directory of its modules.
		p.name, p.run = name, []string{"sh", "-c", "cp " + src + "/node/*.mjs node/ && node node/" + file}
		return p
	}
	java := func(name, class string) program {
		p := maven
		p.name, p.run = name, []string{"sh", "-c", "javac -d java/" + class + " -cp 'java/jars/*' " + src + "/java/Check.java " +
			src + "/java/" + class + ".java && java -cp 'java/" + class + ":java/jars/*' " + class}
		return p
	}
	return []program{
		{name: "redis-py", needs: "python3", ready: python, run: []string{python, src + "/python/check.py"}, install: [][]string{
			{"python3", "-m", "venv", "python"},
			{python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", src + "/python/requirements.txt"},
		}},
		node("ioredis", "ioredis.mjs"),
		node("node-redis", "noderedis.mjs"),
		java("Jedis", "JedisCheck"),
		java("Lettuce", "LettuceCheck"),
	}
}

// patience is how long one program, or one installation, may take.
const patience = 5 * time.Minute

func main() {
	server := flag.String("server", "", "the server's program; empty: build cmd/cached")
	only := flag.String("only", "", "the name of one client; empty: all")
	flag.Parse()
	if err := run(*server, *only); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func run(server, only string) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	src := filepath.Join(root, "tests", "clients")
	if _, err := os.Stat(filepath.Join(src, "doc.go")); err != nil {
		return errors.New("run it from the root of the repository")
	}
	tools := filepath.Join(root, ".tools", "clients")
	if err := os.MkdirAll(tools, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "clients")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if server == "" {
		server = filepath.Join(dir, "cached")
		if out, err := exec.Command("go", "build", "-o", server, "./cmd/cached").CombinedOutput(); err != nil {
			return fmt.Errorf("build: %w\n%s", err, out)
		}
	}
	env, stop, err := start(server, dir)
	if err != nil {
		return err
	}
	defer stop()

	var passed, failed int
	for _, p := range programs(src) {
		if only != "" && p.name != only {
			continue
		}
		if _, err := exec.LookPath(p.needs); err != nil {
			if os.Getenv("CI") == "true" {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			fmt.Printf("%s: left out: no %s here\n", p.name, p.needs)
			continue
		}
		if err := p.prepare(tools); err != nil {
			return fmt.Errorf("install %s: %w", p.name, err)
		}
		ok, bad := p.play(tools, env)
		passed, failed = passed+ok, failed+bad
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return errors.New("clients are not served as they expect")
	}
	return nil
}

// prepare installs the client if it is not there yet.
func (p program) prepare(tools string) error {
	if _, err := os.Stat(filepath.Join(tools, p.ready)); err == nil {
		return nil
	}
	for _, argv := range p.install {
		args := strings.ReplaceAll(strings.Join(argv[1:], "\x00"), "JARS", filepath.Join(tools, "java", "jars"))
		out, err := command(tools, nil, append([]string{argv[0]}, strings.Split(args, "\x00")...)...)
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
		}
	}
	return nil
}

// play runs the program and counts its results.
func (p program) play(tools string, env []string) (ok, bad int) {
	out, err := command(tools, env, p.run...)
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "ok "):
			ok++
		case strings.HasPrefix(line, "FAIL "):
			bad++
			fmt.Printf("%s: %s\n", p.name, line)
		}
	}
	if err != nil && bad == 0 || ok+bad == 0 {
		bad++
		fmt.Printf("%s: ended badly: %v\n%s\n", p.name, err, out)
	}
	fmt.Printf("%s: %d of %d\n", p.name, ok, ok+bad)
	return ok, bad
}

func command(dir string, env []string, argv ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if strings.Contains(argv[0], "/") {
		c.Path = filepath.Join(dir, argv[0])
	}
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	return c.CombinedOutput()
}

// start starts the server and returns the environment of the programs.
func start(server, dir string) (env []string, stop func(), err error) {
	authority, err := testcert.New(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("make an authority: %w", err)
	}
	cert, key, err := authority.Issue("server")
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	port, tlsPort, err := freePorts()
	if err != nil {
		return nil, nil, err
	}
	c := exec.Command(server, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir,
		"--tls-port", tlsPort, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", authority.CA, "--tls-auth-clients", "no")
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	stop = func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		<-ended
	}
	for _, p := range []string{port, tlsPort} {
		if err := reach(p, ended); err != nil {
			if c.ProcessState == nil {
				stop()
			}
			return nil, nil, fmt.Errorf("%w\n%s", err, log.Bytes())
		}
	}
	return []string{"SERVER_HOST=127.0.0.1", "SERVER_PORT=" + port, "SERVER_TLS_PORT=" + tlsPort, "SERVER_CA=" + authority.CA}, stop, nil
}

// reach waits until the port answers.
func reach(port string, ended <-chan error) error {
	for range 500 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			return c.Close()
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the server ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("port %s does not answer", port)
}

func freePorts() (a, b string, err error) {
	var ports [2]string
	for i := range ports {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", err
		}
		defer ln.Close()
		_, ports[i], _ = net.SplitHostPort(ln.Addr().String())
	}
	return ports[0], ports[1], nil
}
