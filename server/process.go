package server

import (
	"errors"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cached/internal/config"
)

// processParams are the directives about the process: how it stands with the system
// and with what supervises it.
func processParams() []config.Param {
	return []config.Param{
		{Name: "hz", Kind: config.Int, Default: "10", Flags: config.Ignored, Min: 0, Max: math.MaxInt32, Canon: clampHz},
		{Name: "supervised", Kind: config.Enum, Default: "no", Flags: config.Immutable, Enum: []string{"upstart", "systemd", "auto", "no"},
			Doc: "Tell a supervisor that the server is ready, or stops: `systemd` over $NOTIFY_SOCKET, `auto` if there is one. `upstart` has no effect."},
		{Name: "oom-score-adj", Kind: config.Enum, Default: "no", Enum: []string{"no", "yes", "relative", "absolute"},
			Doc: "Whether the server sets how willingly Linux ends it when memory is short, relative to what it was or absolutely."},
		{Name: "oom-score-adj-values", Kind: config.Words, Default: "0 200 800", Words: oomValues,
			Doc: "The value for that, from -2000 to 2000; the second and third are for processes that do not exist here."},
		{Name: "shutdown-on-sigint", Kind: config.Words, Default: "default", Words: shutdownWords,
			Doc: "What SIGINT does: words of SHUTDOWN (`save` or `nosave`, `now`, `force`), or `default`."},
		{Name: "shutdown-on-sigterm", Kind: config.Words, Default: "default", Words: shutdownWords,
			Doc: "What SIGTERM does."},
		{Name: "loadmodule", Kind: config.Lines, Args: [2]int{1, 0},
			Doc: "Refused: there are no modules."},
		{Name: "rdb-key-save-delay", Kind: config.Int, Default: "0", Flags: config.Hidden, Min: math.MinInt32, Max: math.MaxInt32,
			Doc: "For tests: microseconds that a snapshot waits for each key, or, if negative, one for so many keys."},
		{Name: "key-load-delay", Kind: config.Int, Default: "0", Flags: config.Hidden, Min: math.MinInt32, Max: math.MaxInt32,
			Doc: "For tests: microseconds that the loading waits for each key, or, if negative, one for so many keys."},
	}
}

// clampHz keeps hz between 1 and 500, as Redis does.
func clampHz(text string) (string, error) {
	n, err := strconv.Atoi(text)
	return strconv.Itoa(min(max(n, 1), 500)), err
}

// oomValues takes three numbers.
func oomValues(_ string, words []string) (string, error) {
	if len(words) != 3 {
		return "", errors.New("wrong number of arguments")
	}
	for _, w := range words {
		if n, err := strconv.Atoi(w); err != nil || n < -2000 || n > 2000 {
			return "", errors.New("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
		}
	}
	return strings.Join(words, " "), nil
}

var shutdownFlags = []string{"default", "save", "nosave", "now", "force"}

// shutdownWords takes words of SHUTDOWN and keeps them in Redis's order.
func shutdownWords(_ string, words []string) (string, error) {
	given := map[string]bool{}
	for _, w := range words {
		w = strings.ToLower(w)
		if !slices.Contains(shutdownFlags, w) {
			return "", config.ErrOneOf(shutdownFlags)
		}
		given[w] = true
	}
	if len(words) == 0 {
		return "", config.ErrOneOf(shutdownFlags)
	}
	if given["save"] && given["nosave"] {
		return "", errors.New("shutdown options SAVE and NOSAVE can't be used simultaneously")
	}
	var kept []string
	for _, w := range shutdownFlags[1:] {
		if given[w] {
			kept = append(kept, w)
		}
	}
	if kept == nil {
		return "default", nil
	}
	return strings.Join(kept, " "), nil
}

// SignalFlags are what shutdown-on-sigint or shutdown-on-sigterm says about the data.
func SignalFlags(v *config.Value) (save, nosave, force bool) {
	words := v.Strings()
	return slices.Contains(words, "save"), slices.Contains(words, "nosave"), slices.Contains(words, "force")
}

// oomScoreFile is where Linux has the willingness to end this process.
var oomScoreFile = "/proc/self/oom_score_adj"

// oomScore is what the server knows of that value.
type oomScore struct {
	mu   sync.Mutex // guards what follows
	base int        // before the server set it
	set  bool
}

// setOOMScore is the hook of oom-score-adj and oom-score-adj-values.
func (s *Server) setOOMScore(*config.Value) error {
	o := &s.oom
	o.mu.Lock()
	defer o.mu.Unlock()
	mode := s.cfg.Value("oom-score-adj").String()
	if mode == "no" && !o.set {
		return nil
	}
	if !o.set {
		text, err := os.ReadFile(oomScoreFile)
		if err != nil {
			return s.oomFailed(err)
		}
		if o.base, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return s.oomFailed(err)
		}
	}
	score, _ := strconv.Atoi(s.cfg.Value("oom-score-adj-values").Strings()[0])
	switch mode {
	case "no":
		score = o.base
	case "relative", "yes":
		score += o.base
	}
	score = min(max(score, -1000), 1000)
	if err := os.WriteFile(oomScoreFile, []byte(strconv.Itoa(score)), 0); err != nil {
		return s.oomFailed(err)
	}
	o.set = mode != "no"
	return nil
}

func (s *Server) oomFailed(err error) error {
	s.log.Warn("Unable to write oom_score_adj", "error", err)
	return errors.New("Failed to apply new oom_score_adj configuration, check server logs.")
}

// supervised is what INFO says of who supervises the server.
func (s *Server) supervised() string {
	mode := s.cfg.Value("supervised").String()
	if mode == "auto" {
		if os.Getenv("NOTIFY_SOCKET") == "" {
			return "no"
		}
		return "systemd"
	}
	return mode
}

// Notify tells the supervisor a state in the words of sd_notify, such as READY=1, if
// the configuration asks for that and there is one.
func Notify(cfg *config.Config, state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	mode := cfg.Value("supervised").String()
	if path == "" || mode != "systemd" && mode != "auto" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}

// CheckSupervisor says why nobody will be notified, if the configuration asks for that
// and the environment has no socket.
func CheckSupervisor(cfg *config.Config) error {
	switch cfg.Value("supervised").String() {
	case "systemd":
		if os.Getenv("NOTIFY_SOCKET") == "" {
			return errors.New("systemd supervision error: NOTIFY_SOCKET not found!")
		}
	case "upstart":
		return errors.New("upstart supervision has no effect: use systemd, or no")
	}
	return nil
}
