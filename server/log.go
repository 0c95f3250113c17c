package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"cached/internal/config"
)

// A Log is where the server writes what happens: standard output or a file,
// which Reopen opens anew after something else has moved it.
type Log struct {
	*slog.Logger
	level slog.LevelVar
	file  *logFile
}

// levels are those of loglevel. Redis's verbose lies between debug and notice,
// and notice is what slog calls info.
var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "verbose": slog.LevelDebug + 2, "notice": slog.LevelInfo,
	"warning": slog.LevelWarn, "nothing": slog.LevelError + 100,
}

// NewLog opens the log that the configuration asks for and follows loglevel.
func NewLog(cfg *config.Config) (*Log, error) {
	l := &Log{}
	var out io.Writer = os.Stdout
	if path := cfg.Value("logfile").String(); path != "" {
		l.file = &logFile{path: path}
		if err := l.file.reopen(); err != nil {
			return nil, err
		}
		out = l.file
	}
	options := &slog.HandlerOptions{Level: &l.level}
	if cfg.Value("log-format").String() == "json" {
		l.Logger = slog.New(slog.NewJSONHandler(out, options))
	} else {
		l.Logger = slog.New(slog.NewTextHandler(out, options))
	}
	follow := func(v *config.Value) error {
		l.level.Set(levels[v.String()])
		return nil
	}
	cfg.OnChange("loglevel", follow)
	return l, follow(cfg.Value("loglevel"))
}

// Reopen opens the log's file anew. What cannot be opened is reported in the old
// one, which stays.
func (l *Log) Reopen() {
	if l.file == nil {
		return
	}
	if err := l.file.reopen(); err != nil {
		l.Log(context.Background(), slog.LevelError, "cannot reopen the log", "error", err)
	}
}

// Close closes the log's file.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.close()
}

// A logFile is a file that may be replaced by one of the same name.
type logFile struct {
	path string
	mu   sync.Mutex // guards f
	f    *os.File
}

func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(b)
}

func (l *logFile) reopen() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		_ = l.f.Close()
	}
	l.f = f
	return nil
}

func (l *logFile) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
