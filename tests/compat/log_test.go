package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// notLogged are commands that the test of the log leaves out: it would wait for them, or they concern something
// else than keys.
var notLogged = []string{"migrate", "flushall", "flushdb", "swapdb", "restore", "restore-asking", "move", "pfdebug", "pfselftest", "wait",
	"waitaof", "sort", "select"}

// The append-only file has the effects of commands: a server that replays it has the same keys, whatever was
// random or depended on the clock.
func TestTheLogSaysWhatRandomCallsDid(t *testing.T) {
	bin := needReference(t)
	seed := *seedFlag
	if seed == 0 {
		seed = time.Now().UnixNano() % 1_000_000_000
	}
	t.Logf("-seed %d -calls %d", seed, *callsFlag)
	p := startOwn(t, subjectBin, "--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0")
	w := dial(t, p)
	all, err := readGrammar(w)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := readGrammar(dial(t, older.process(t)))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, g := range theirs {
		known[g.name] = true
	}
	var newer, shared []grammar
	for _, g := range all {
		if !slices.Contains(randomGroups, g.group) || slices.Contains(notLogged, callName(strings.Fields(g.name))) ||
			strings.HasPrefix(g.name, "b") && !strings.HasPrefix(g.name, "bit") || g.name == "xread" || g.name == "xreadgroup" {
			continue
		}
		newer = append(newer, g)
		if known[g.name] {
			shared = append(shared, g)
		}
	}
	byName := func(a, b grammar) int { return strings.Compare(a.name, b.name) }
	slices.SortFunc(newer, byName)
	slices.SortFunc(shared, byName)
	c := redis.NewClient(&redis.Options{Addr: p.addr, Protocol: 2, DisableIdentity: true, ReadTimeout: time.Minute})
	defer c.Close()

	play := newCaller(seed)
	run := func(from []grammar, calls int) {
		for range calls {
			if _, err := w.call(argv(play.call(from[play.IntN(len(from))])...)); err != nil {
				t.Fatalf("the subject: %v\n%s", err, p.log.String())
			}
		}
	}
	for n := 0; n < *callsFlag; n += 500 {
		run(newer, 500)
		before := digestsOf(t, c)
		if err := c.Do(t.Context(), "DEBUG", "LOADAOF").Err(); err != nil {
			t.Fatalf("%v\n%s", err, p.log.String())
		}
		compareDigests(t, "loaded here", before, digestsOf(t, c))
		if t.Failed() {
			t.Logf("after %d calls", n+500)
			break
		}
		if n%2000 == 1500 {
			c.FlushAll(t.Context())
		}
	}
	// The reference loads the log too, as far as it knows the commands.
	c.FlushAll(t.Context())
	if err := c.Do(t.Context(), "BGREWRITEAOF").Err(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(c.Info(t.Context(), "persistence").Val(), "aof_rewrite_in_progress:0") && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	run(shared, *callsFlag)
	before := digestsOf(t, c)
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(filepath.Join(dir, "appendonlydir"), os.DirFS(filepath.Join(p.dir, "appendonlydir"))); err != nil {
		t.Fatal(err)
	}
	ref := startOwn(t, bin, "--dir", dir, "--appendonly", "yes")
	other := redis.NewClient(&redis.Options{Addr: ref.addr, Protocol: 2, DisableIdentity: true, ReadTimeout: time.Minute})
	defer other.Close()
	compareDigests(t, "loaded by the reference", before, digestsOf(t, other))
}

// A keyDigest is a key's digest, unless a deadline may change it before it is read.
type keyDigest struct {
	digest string
	fleets bool
}

// soon is when deadlines count as about to pass.
const soon = 10 * time.Minute

func digestsOf(t *testing.T, c *redis.Client) map[string]keyDigest {
	t.Helper()
	all := map[string]keyDigest{}
	for _, key := range c.Keys(t.Context(), "*").Val() {
		digests, err := c.Do(t.Context(), "DEBUG", "DIGEST-VALUE", key).StringSlice()
		if err != nil {
			t.Fatal(err)
		}
		if c.Type(t.Context(), key).Val() == "stream" { // whose groups digests leave out
			groups, err := c.XInfoGroups(t.Context(), key).Result()
			if err != nil {
				t.Fatal(err)
			}
			digests[0] += fmt.Sprint(groups)
		}
		ttl := c.PTTL(t.Context(), key).Val()
		all[key] = keyDigest{digests[0], ttl >= 0 && ttl < soon || fieldsFleet(t, c, key)}
	}
	return all
}

// fieldsFleet reports whether fields of a hash have deadlines that are about to pass.
func fieldsFleet(t *testing.T, c *redis.Client, key string) bool {
	if c.Type(t.Context(), key).Val() != "hash" {
		return false
	}
	fields := c.HKeys(t.Context(), key).Val()
	words := []any{"HPTTL", key, "FIELDS", strconv.Itoa(len(fields))}
	for _, f := range fields {
		words = append(words, f)
	}
	ttls, _ := c.Do(t.Context(), words...).Int64Slice() // an error from a server that has none
	for _, ms := range ttls {
		if ms >= 0 && ms < soon.Milliseconds() {
			return true
		}
	}
	return false
}

func compareDigests(t *testing.T, what string, want, got map[string]keyDigest) {
	t.Helper()
	for key, w := range want {
		if g := got[key]; g.digest != w.digest && !w.fleets {
			t.Errorf("%s, %q has digest %s, want %s", what, key, g.digest, w.digest)
		}
	}
	for key := range got {
		if _, there := want[key]; !there {
			t.Errorf("%s, there is %q, which was not there", what, key)
		}
	}
	if len(want) == 0 {
		t.Error(fmt.Sprint(what, ": there were no keys"))
	}
}
