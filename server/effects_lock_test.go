package server

import (
	"regexp"
	"strings"
	"testing"

	"cached/engine"
	"cached/internal/effects/effectstest"
)

// What is logged of locks is their state with its time, or that the key is gone, and of FENCED
// what its command does: never the command itself.
func TestEffectsOfLocksAreStates(t *testing.T) {
	keys := engine.New(engine.Options{})
	log := &effectstest.Recorder{}
	keys.Effects().Attach(log)
	_, path := startServerOn(t, keys)
	s := newSpeaker(t, path)
	state := regexp.MustCompile(`(?s)^CACHE\.SETSTATE (\w+) (lock|semaphore) .* PXAT \d+$`)
	for _, x := range []struct{ call, want string }{
		{"LOCK.ACQUIRE k a TTL 60000", "state k lock"}, {"LOCK.ACQUIRE k a TTL 60000", "state k lock"}, {"LOCK.ACQUIRE k b TTL 60000", ""},
		{"LOCK.RELEASE k a", "state k lock"}, {"LOCK.RELEASE k b", ""}, {"LOCK.RENEW k a TTL 5000", "state k lock"}, {"LOCK.INFO k", ""},
		{"FENCED k TOKEN SET v 1", "SET v 1"}, {"FENCED k TOKEN EXPIREAT v 33177117420", "PEXPIREAT v 33177117420000"}, {"FENCED k 1 SET v 2", ""},
		{"LOCK.RELEASE k a", "DEL k"}, {"LOCK.RELEASE k a", ""},
		{"LOCK.MACQUIRE 2 k l a TTL 60000", "MULTI|state k lock|state l lock|EXEC"}, {"LOCK.FORCE k", "DEL k"},
		{"SEM.ACQUIRE s 2 TTL 60000 ID p", "state s semaphore"}, {"SEM.ACQUIRE s 2 TTL 60000 ID q", "state s semaphore"},
		{"SEM.ACQUIRE s 2 TTL 60000", ""}, {"SEM.ACQUIRE s 1 TTL 60000", "state s semaphore"}, {"SEM.RENEW s p TTL 60000", "state s semaphore"},
		{"SEM.RELEASE s q", "state s semaphore"}, {"SEM.RELEASE s p", "DEL s"}, {"SEM.RELEASE s p", ""},
	} {
		token := valueOf(s.say("LOCK.INFO k"), "token")
		seen := len(log.Calls())
		got := s.say("%s", strings.Replace(x.call, "TOKEN", token, 1))
		var all []string
		for _, e := range log.Calls()[seen:] {
			all = append(all, state.ReplaceAllString(strings.Join(e.Words, " "), "state $1 $2"))
		}
		if effects := strings.Join(all, "|"); effects != x.want {
			t.Errorf("%s (%s): logged %q, want %q", x.call, got, effects, x.want)
		}
	}
}
