// Command cached is a caching server for Redis clients.
//
//	cached [path/to/redis.conf] [--directive value ...] [-]
//
// It takes redis-server's command line and configuration.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"cached/engine"
	"cached/internal/config"
	"cached/persistence"
	"cached/server"
)

func main() {
	if len(os.Args) == 2 && (os.Args[1] == "-v" || os.Args[1] == "--version") {
		fmt.Printf("cached v=%s, speaks Redis %s\n", server.Version, server.RedisVersion)
		return
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cached:", err)
		os.Exit(1)
	}
}

// run serves until a signal or SHUTDOWN ends it.
func run(args []string) error {
	cfg, err := config.New(server.Params(), persistence.Params())
	if err != nil {
		return err
	}
	if err := cfg.LoadArgs(args, os.Stdin); err != nil {
		return err
	}
	log, err := server.NewLog(cfg)
	if err != nil {
		return err
	}
	defer log.Close()

	// Event loops hold a processor each; others, such as the collector, need
	// one more.
	runtime.GOMAXPROCS(runtime.NumCPU() + 1)

	end := make(chan os.Signal, 8)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	reopen := make(chan os.Signal, 1)
	signal.Notify(reopen, syscall.SIGHUP)
	keys := engine.New(server.EngineOptions(cfg))
	disk := persistence.New(persistence.Options{Config: cfg, Engine: keys, Log: log.Logger, Version: server.RedisVersion})
	var asked atomic.Bool // by SHUTDOWN, which has saved what is to be saved
	srv, err := server.New(server.Options{
		Config: cfg, Engine: keys, Log: log.Logger,
		Rows: disk.Commands(), Persistence: disk,
		Exit: func() { asked.Store(true); end <- syscall.SIGTERM },
	})
	if err != nil {
		return err
	}
	disk.SetFunctions(srv)
	disk.SetReplayer(func(tx *engine.Tx) persistence.Replayer { return srv.Replayer(tx) })
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
			log.Warn("write the pidfile", "error", err) // who waits for it will say so
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
			log.Info("shutting down while loading", "signal", sig.String())
			srv.Close()
			return nil
		}
	}
	if err != nil {
		srv.Close()
		return err
	}
	disk.Start()
	log.Info("ready to accept connections", "port", cfg.Value("port").Int(), "pid", os.Getpid())
	e := ending{srv: srv, end: end, asked: &asked, log: log.Logger, wait: func() time.Duration {
		return time.Duration(cfg.Value("shutdown-timeout").Int()) * time.Second
	}}
	for sig := range end {
		log.Info("shutting down", "signal", sig.String())
		e.awaitScripts()
		if asked.Load() || disk.Shutdown(context.Background(), false, false, false) == nil {
			break
		}
		srv.HoldScripts(false) // it goes on
	}
	if e.closed() {
		disk.Close()
	}
	return nil
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

// quickLoad is how long clients are kept waiting for the data; only when it takes
// longer are they let in to hear that it is being loaded.
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
