package rdb

import (
	"bytes"
	"context"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"cached/engine"
	"cached/engine/table"
)

var record = flag.Bool("record", false, "have redis-server write testdata anew")

const testNowMS = 1_700_000_000_000

// load reads a file into a new keyspace.
func load(b []byte, noSum bool) (*engine.Engine, Result, error) {
	e := engine.New(engine.Options{Shards: 1})
	r, err := Load(bytes.NewReader(b), e, LoadOptions{NowMS: testNowMS, NoChecksum: noSum})
	return e, r, err
}

func keysOf(e *engine.Engine) (n int) {
	for db := range e.Databases() {
		n += e.DBStats(nil, db, testNowMS).Keys
	}
	return n
}

// files are those in testdata: each was written by redis-server from the calls of
// its name.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	if *record {
		recordFiles(t)
	}
	names, err := filepath.Glob("testdata/*.rdb")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = b
	}
	return all
}

// recordFiles writes testdata with the redis-server there is.
func recordFiles(t testing.TB) {
	t.Helper()
	for name, setup := range map[string][]string{
		"strings": {"SET a hello", "SET b 1", "SET c 300", "SET d 70000", "SET e " + strings.Repeat("lzf", 40), "SET f x PXAT 4000000000000"},
		"lists":   {"RPUSH l a 1 -5 300 70000 5000000000 " + strings.Repeat("b", 70), "RPUSH m " + strings.Repeat("c", 5000)},
		"sets":    {"SADD i 1 2 3", "SADD j 100000 2", "SADD k 10000000000 2", "SADD s a b c"},
		"zsets":   {"ZADD z 1 a 2.5 b inf c", "ZADD y 3 " + strings.Repeat("d", 100)},
		"hashes":  {"HSET h f v n 12", "HSET g " + strings.Repeat("e", 100) + " v"},
		"streams": {"XADD x 1-1 a 1 b 2", "XADD x 1-2 a 3 b 4", "XADD x 2-1 c 5", "XDEL x 1-2", "XGROUP CREATE x grp 0", "XREADGROUP GROUP grp me COUNT 1 STREAMS x >"},
	} {
		dir := t.TempDir()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
		_ = l.Close()
		cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, Protocol: 2, DisableIdentity: true})
		ctx := context.Background()
		for end := time.Now().Add(10 * time.Second); c.Ping(ctx).Err() != nil && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
		for _, line := range append(setup, "SAVE") {
			var words []any
			for _, w := range strings.Fields(line) {
				words = append(words, w)
			}
			if err := c.Do(ctx, words...).Err(); err != nil {
				t.Fatalf("%.60s: %v", line, err)
			}
		}
		_ = c.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		b, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
		if err != nil {
			t.Fatal(err)
		}
		_ = os.MkdirAll("testdata", 0o755)
		if err := os.WriteFile("testdata/"+name+".rdb", b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesOfRedisLoad(t *testing.T) {
	for name, b := range files(t) {
		e, r, err := load(b, false)
		if err != nil || r.Keys == 0 || keysOf(e) != int(r.Keys) {
			t.Errorf("%s: %d keys, %v", name, keysOf(e), err)
		}
	}
}

func TestATruncatedFileIsAnErrorAndLeavesNothing(t *testing.T) {
	for name, b := range files(t) {
		for n := range b {
			e, _, err := load(b[:n], true)
			if err == nil {
				t.Errorf("%s: the first %d bytes load", name, n)
			}
			if k := keysOf(e); k != 0 {
				t.Errorf("%s: of the first %d bytes %d keys stay", name, n, k)
			}
		}
	}
}

func TestAChangedBitIsAnErrorAndLeavesNothing(t *testing.T) {
	for name, b := range files(t) {
		for i := range len(b) * 8 {
			c := bytes.Clone(b)
			c[i/8] ^= 1 << (i % 8)
			e, _, err := load(c, false)
			if err == nil {
				t.Errorf("%s: bit %d of byte %d may change", name, i%8, i/8)
			}
			if k := keysOf(e); k != 0 {
				t.Errorf("%s: with bit %d of byte %d changed %d keys stay", name, i%8, i/8, k)
			}
			// Without the checksum many are fine; none may do harm.
			e, _, err = load(c, true)
			use(t, e)
			if err != nil && keysOf(e) != 0 {
				t.Errorf("%s: bit %d of byte %d: %v, and keys stay", name, i%8, i/8, err)
			}
		}
	}
}

// use reads all of a keyspace and ends it: what a corrupt value would break.
func use(t testing.TB, e *engine.Engine) {
	t.Helper()
	var tx engine.Tx
	tx.Begin(e, 0, testNowMS)
	tx.LockAll()
	defer tx.Unlock()
	x := Encoder{Version: Version}
	var d Decoder
	for db := range e.Databases() {
		tx.DB = db
		tx.Each(func(it table.Item) bool {
			x.B = x.B[:0]
			x.Dump(it)
			again, _, err := d.Undump(&tx, it.Key(), x.B, engine.NoOrigin)
			if err != nil {
				t.Errorf("what was loaded does not load again: %v", err)
				return true
			}
			tx.Discard(again)
			return true
		})
	}
	tx.Flush(-1, false)
}

func TestALengthAllocatesNothingBeforeItsBytesAreThere(t *testing.T) {
	// A string, a compressed one and a list, each of 2^32-ish bytes or elements
	// that do not follow.
	for _, value := range []string{"\x00\x01k\x80\xFF\xFF\xFF\xF0", "\x00\x01k\xC3\x02\x80\xFF\xFF\xFF\xF0ab", "\x01\x01k\x81\x00\x00\x00\xFF\xFF\xFF\xFF\xFF\x01a"} {
		n := testing.AllocsPerRun(1, func() {
			if _, _, err := load([]byte("REDIS0010"+value), true); err == nil {
				t.Errorf("%q loads", value)
			}
		})
		if n > 2000 {
			t.Errorf("%q: %v allocations", value, n)
		}
	}
}

// A file may say that there are more keys to come than there are, or have ended keys.
func TestRoomForKeysThatDoNotComeGoesBack(t *testing.T) {
	ended := strings.Repeat("\xFC\x01\x00\x00\x00\x00\x00\x00\x00\x00\x03old\x01v", 50_000)
	for name, body := range map[string]string{
		"many": "\xFB\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00" + "\x00\x01k\x01v",
		"old":  "\xFB\x80\x00\x00\xC3\x50\x00" + ended + "\x00\x01k\x01v",
	} {
		b := []byte("REDIS0010\xFE\x00" + body + "\xFF\x00\x00\x00\x00\x00\x00\x00\x00")
		e := engine.New(engine.Options{Shards: 4})
		if _, err := Load(bytes.NewReader(b), e, LoadOptions{NowMS: testNowMS, Size: int64(len(b))}); err != nil {
			t.Fatal(name, err)
		}
		if live, _ := e.InUse(); keysOf(e) != 1 || live > 16<<10 {
			t.Errorf("%s: %d keys, %d bytes in use", name, keysOf(e), live)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	_, _, err := load([]byte("REDIS0010\x00\x01k\xC5"), true)
	if err == nil || !strings.Contains(err.Error(), "at offset 13") {
		t.Error(err)
	}
	_, _, err = load([]byte("REDIS0099"), true)
	if err == nil || !strings.Contains(err.Error(), "0099") {
		t.Error(err)
	}
	_, _, err = load([]byte("REDIS0010\x07\x01k\x81"+"\x80\x00\x00\x00\x00\x00\x00\x01"), true)
	if err == nil || !strings.Contains(err.Error(), "module type gAAAAAAAA") {
		t.Error(err)
	}
}

// Old forms that no server at hand writes any more.
func TestOldFormsLoad(t *testing.T) {
	for want, value := range map[string]string{
		"hash 2":  "\x09\x01k\x0d\x02\x01a\x02\x00v1\x01b\x00\x00\xFF" + "",
		"zset 3":  "\x03\x01k\x03\x01a\x011\x01b\xFE\x01c\x042.50",
		"list 3":  "\x01\x01k\x03\x01a\x01b\x01c",
		"list 2z": "\x0A\x01k\x12" + "\x12\x00\x00\x00\x0d\x00\x00\x00\x02\x00" + "\x00\x01a" + "\x03\xFE\x05" + "\xFF\x00\x00",
	} {
		// The lengths of the packed forms are put in here.
		value = sized(value)
		_, r, err := load([]byte("REDIS0006"+value+"\xFF"+strings.Repeat("\x00", 8)), false)
		if err != nil || r.Keys != 1 {
			t.Errorf("%s: %d keys, %v", want, r.Keys, err)
		}
	}
}

// sized corrects the lengths of the old packed forms.
func sized(v string) string {
	switch v[0] {
	case typeHashZipmap:
		body := "\x02\x01a\x02\x00v1\x01b\x00\x00\xFF"
		return v[:3] + string(rune(len(body))) + body
	case typeListZiplist:
		entries := "\x00\x01a\x03\xFE\x05"
		size := 10 + len(entries) + 1
		return v[:3] + string(rune(size)) + string([]byte{byte(size), 0, 0, 0, 13, 0, 0, 0, 2, 0}) + entries + "\xFF"
	}
	return v
}

func FuzzLoad(f *testing.F) {
	for _, b := range files(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, _, err := load(b, true)
		if err != nil && keysOf(e) != 0 {
			t.Errorf("%v, and keys stay", err)
		}
		use(t, e)
	})
}

func FuzzUndump(f *testing.F) {
	for _, b := range files(f) {
		e, _, err := load(b, false)
		if err != nil {
			continue
		}
		var tx engine.Tx
		tx.Begin(e, 0, testNowMS)
		tx.LockAll()
		for _, version := range []int{BaseVersion, Version} {
			tx.Each(func(it table.Item) bool {
				x := Encoder{Version: version, Compress: version == Version}
				x.Value(it)
				f.Add(x.B)
				return true
			})
		}
		tx.Unlock()
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := engine.New(engine.Options{Shards: 1, Databases: 1})
		var tx engine.Tx
		tx.Begin(e, 0, testNowMS)
		tx.LockAll()
		var d Decoder
		it, _, err := d.Undump(&tx, []byte("key"), append(bytes.Clone(b), make([]byte, payloadTail)...), engine.NoOrigin)
		if err == nil {
			tx.Adopt(it, false)
		}
		tx.Unlock()
		use(t, e)
		if live := e.Memory(nil).Live; live != 0 {
			t.Errorf("%d bytes are left behind (%v)", live, err)
		}
	})
}
