// Command cached is a caching server for Redis clients.
//
//	cached [path/to/redis.conf] [--directive value ...] [-]
//
// It takes redis-server's command line and configuration.
package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"cached/engine"
	"cached/internal/config"
	"cached/internal/host"
	"cached/internal/version"
	"cached/memcached"
	"cached/persistence"
	"cached/replication"
	"cached/server"
)

func main() {
	args := ownArgs(os.Args[1:])
	if code, ok := oneShot(args, os.Stdout, os.Stderr); ok {
		os.Exit(code)
	}
	if err := run(args); err != nil {
		os.Exit(1)
	}
}

// ownArgs are the arguments without the name of a server in front of them, which compose
// files and charts have for images that find their program by it.
func ownArgs(args []string) []string {
	if len(args) == 0 || !slices.Contains([]string{"cached", "redis-server", "valkey-server"}, filepath.Base(args[0])) {
		return args
	}
	if info, err := os.Stat(args[0]); err == nil && info.Mode().Perm()&0o111 == 0 {
		return args // a file of settings that has this name
	}
	return args[1:]
}

// run serves until a signal or SHUTDOWN stops it. It prints an error to standard error, and to the log if that is
// a file.
func run(args []string) error {
	cfg, err := config.New(server.Params(), persistence.Params(), replication.Params(), memcached.Params())
	if err == nil {
		err = cfg.LoadArgs(args, os.Stdin)
	}
	var log *server.Log
	if err == nil {
		log, err = server.NewLog(cfg)
	} else if cfg != nil && cfg.Value("logfile").String() != "" {
		log, _ = server.NewLog(cfg) // as far as the configuration was read
	}
	if log != nil {
		defer log.Close()
	}
	if err == nil {
		err = serve(cfg, log)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cached:", err)
		if log != nil && cfg.Value("logfile").String() != "" {
			log.Error(err.Error())
		}
	}
	return err
}

func serve(cfg *config.Config, log *server.Log) error {
	// Event loops hold a processor each; others, such as the collector, need
	// one more.
	runtime.GOMAXPROCS(host.Processors() + 1)

	log.Info("cached is starting", "version", version.Cached, "redis_version", version.Redis, "pid", os.Getpid())
	if err := server.CheckSupervisor(cfg); err != nil {
		log.Warn(err.Error())
	}
	notify(cfg, log, "STATUS=cached is loading...")
	end := make(chan os.Signal, 8)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	reopen := make(chan os.Signal, 1)
	signal.Notify(reopen, syscall.SIGHUP)
	keys := engine.New(server.EngineOptions(cfg))
	disk := persistence.New(persistence.Options{Config: cfg, Engine: keys, Log: log.Logger, Version: version.Redis})
	mc, err := memcached.New(cfg)
	if err != nil {
		return err
	}
	repl := replication.New(replication.Options{Config: cfg, Engine: keys, Disk: disk, Log: log.Logger})
	var asked atomic.Bool // by SHUTDOWN, which has saved the data
	srv, err := server.New(server.Options{
		Config: cfg, Engine: keys, Log: log.Logger,
		Rows: append(disk.Commands(), repl.Commands()...), Gates: []server.PlacedGate{roleGate(repl)},
		Persistence: disk, Tokens: disk, Reporters: []server.Reporter{disk, repl},
		Protocols: []server.Protocol{protocol(mc)},
		Exit:      func() { asked.Store(true); end <- syscall.SIGTERM },
	})
	if err != nil {
		return err
	}
	disk.SetFunctions(srv)
	disk.SetReplayer(func(tx *engine.Tx) persistence.Replayer { return srv.Replayer(tx) })
	repl.SetServer(srv, func(ended func() bool) replication.Applier { return srv.Applier(ended) })
	log.Info("Server initialized")
	repl.Begin()
	disk.Begin()
	loaded := make(chan error, 1)
	go func() { loaded <- disk.Load() }()
	done, err := await(loaded, quickLoad)
	if err != nil {
		return err
	}
	if err := srv.Start(); err != nil {
		return err
	}
	if path := cfg.Value("pidfile").String(); path != "" {
		remove, err := writePID(path)
		if err != nil {
			log.Warn("write the pidfile", "error", err) // a program that waits for the file will report it
		}
		defer remove()
	}
	go func() {
		for range reopen {
			log.Reopen()
			srv.ReloadTLS()
		}
	}()
	cfg.LogIgnored(log.Logger)
	if !done {
		select {
		case err = <-loaded:
		case sig := <-end:
			logSignal(log, sig)
			srv.Close()
			return nil
		}
	}
	if err != nil {
		srv.Close()
		return err
	}
	disk.Start()
	repl.Start()
	defer repl.Close()
	srv.EachListener(func(kind string, port int64, path string) {
		where := slog.Int64("port", port)
		if path != "" {
			where = slog.String("path", path)
		}
		log.Info("Ready to accept connections "+kind, where, "pid", os.Getpid())
	})
	notify(cfg, log, "STATUS=Ready to accept connections\nREADY=1")
	e := ending{srv: srv, end: end, asked: &asked, log: log.Logger, wait: func() time.Duration {
		return time.Duration(cfg.Value("shutdown-timeout").Int()) * time.Second
	}}
	e.await(cfg, log, disk)
	notify(cfg, log, "STOPPING=1")
	if e.closed() {
		if !srv.EndsNow() {
			repl.Drain(e.wait())
		}
		repl.Close()
		disk.Close()
	}
	log.Info("cached is now ready to exit, bye bye...")
	return nil
}

// protocol is memcached's, as the server knows it.
func protocol(mc *memcached.Protocol) server.Protocol {
	return server.Protocol{
		Name: memcached.Name, Port: mc.Port, Database: mc.Database(), Rows: mc.Rows(), Limits: mc.Limits,
		NewParser: func() server.RequestParser { return mc.NewParser() },
		Silent:    memcached.Silent, AppendError: memcached.AppendError,
	}
}

// logSignal logs a signal in the words that supervisors wait for.
func logSignal(log *server.Log, sig os.Signal) {
	name := "SIGTERM"
	if sig == syscall.SIGINT {
		name = "SIGINT"
	}
	log.Info("Received "+name+" scheduling shutdown...", "signal", sig.String())
}

func notify(cfg *config.Config, log *server.Log, state string) {
	if err := server.Notify(cfg, state); err != nil {
		log.Warn("cannot tell the supervisor", "error", err)
	}
}

// writePID writes the process id to a file; remove removes it, wherever the working
// directory is then.
func writePID(path string) (remove func(), err error) {
	if path, err = filepath.Abs(path); err != nil {
		return func() {}, err
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return func() {}, err
	}
	return func() { _ = os.Remove(path) }, nil
}

// quickLoad is how long clients wait to be accepted while the data is loaded; after that they are accepted and get
// LOADING errors.
const quickLoad = 200 * time.Millisecond

// await waits for an error for some time; done is false if there is none yet.
func await(c <-chan error, most time.Duration) (done bool, err error) {
	select {
	case err = <-c:
		return true, err
	case <-time.After(most):
		return false, nil
	}
}
