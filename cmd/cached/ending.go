package main

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"cached/internal/config"
	"cached/persistence"
	"cached/server"
)

// An ending is the shutdown of the server while scripts may run.
type ending struct {
	srv   *server.Server
	end   <-chan os.Signal
	asked *atomic.Bool // by SHUTDOWN
	log   *slog.Logger
	wait  func() time.Duration // time until the log says what the shutdown waits for
}

// closeWithin is how long commands that still run may take when the server closes.
const closeWithin = 500 * time.Millisecond

// await returns when the server is to end: after SHUTDOWN, or a signal that has its data
// saved as it is to be.
func (e *ending) await(cfg *config.Config, log *server.Log, disk *persistence.Disk) {
	for sig := range e.end {
		directive := "shutdown-on-sigterm"
		if sig == os.Interrupt {
			directive = "shutdown-on-sigint"
		}
		if !e.asked.Load() {
			logSignal(log, sig)
			log.Info("User requested shutdown...")
		}
		e.awaitScripts()
		if e.asked.Load() {
			return
		}
		save, nosave, force := server.SignalFlags(cfg.Value(directive))
		if disk.Shutdown(context.Background(), save, nosave, force) == nil {
			return
		}
		log.Warn("Errors trying to shut down the server. Check the logs for more information.")
		e.srv.HoldScripts(false) // the server continues
	}
}

// awaitScripts stops scripts that have written nothing and waits for the others, so that their changes are
// complete. The log says so when that takes long. SHUTDOWN NOSAVE stops waiting.
func (e *ending) awaitScripts() {
	e.srv.HoldScripts(true)
	late := time.After(e.wait())
	for !e.asked.Load() {
		what, runs := e.srv.RunningScript()
		if !runs {
			return
		}
		select {
		case sig := <-e.end:
			e.log.Info("shutting down already", "signal", sig.String())
		case <-late:
			e.log.Error("the end waits for a script that has written: SHUTDOWN NOSAVE ends the server without it", "script", what)
			late = time.After(max(e.wait(), time.Second))
		case <-time.After(time.Millisecond):
		}
	}
}

// closed closes the server. It reports false if a command still runs after a while:
// after SHUTDOWN NOSAVE that is a script that has written, whose changes the log of
// changes does not have yet.
func (e *ending) closed() bool {
	done := make(chan struct{})
	go func() {
		e.srv.Close()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(closeWithin):
	}
	if what, runs := e.srv.RunningScript(); runs {
		e.log.Warn("the server ends while a script runs", "script", what)
		return false
	}
	<-done
	return true
}
