package compat

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Random rules allow and deny the same calls as those of the reference.
func TestRulesAllowWhatTheReferenceAllows(t *testing.T) {
	mine, theirs := dial(t, startOwn(t, subjectBin)), dial(t, older.start(t))
	rules := strings.Fields("+@all -@all +@read -@read +@write -@write +@string -@string +@dangerous -@dangerous +@keyspace -@admin +@fast -@slow " +
		"+@pubsub -@pubsub +get -get +set -set +mset -mset +config -config +config|get -config|get -config|set +select|0 +select|1 -select " +
		"+publish -publish +subscribe +del -del +copy +rename +object -object|encoding +zunionstore +zadd +lmpop +auth -auth +ping -ping " +
		"~* ~a* ~k ~k1 resetkeys %R~a* %W~a* %R~k %RW~b* %W~b? &* &c* &c1 resetchannels nocommands allkeys on off reset")
	calls := []string{"GET a1", "GET k", "SET k v", "SET a1 v", "SET b1 v GET", "MSET a 1 b1 2", "MGET a b k", "CONFIG GET x", "CONFIG SET maxmemory 1",
		"CONFIG RESETSTAT", "SELECT 0", "SELECT 1", "PUBLISH c1 m", "PUBLISH x m", "SUBSCRIBE c1 c2", "PSUBSCRIBE c*", "PSUBSCRIBE x*", "SPUBLISH c m",
		"DEL a k b1", "COPY a k", "COPY b1 a2", "RENAME a1 b2", "OBJECT ENCODING k", "OBJECT FREQ a", "PING", "AUTH x", "ECHO x", "FLUSHALL", "KEYS *",
		"SINTERSTORE a1 k b1", "ZUNIONSTORE b1 2 a k", "LMPOP 2 a k LEFT", "EXISTS a1", "STRLEN k", "GETDEL a1", "LMOVE a b LEFT RIGHT", "DEBUG SLEEP 0", "CLIENT LIST"}
	rng := rand.New(rand.NewPCG(3, 4))
	denied := 0
	for round := range 150 {
		args := []string{"ACL", "SETUSER", "u", "reset"}
		for range 1 + rng.IntN(7) {
			args = append(args, rules[rng.IntN(len(rules))])
		}
		if rng.IntN(3) == 0 {
			args = append(args, "("+rules[rng.IntN(44)], rules[44+rng.IntN(10)]+")")
		}
		a, b := mine.do(t, args...), theirs.do(t, args...)
		if a != b {
			t.Errorf("round %d: %q: %s, the reference %s", round, args, a, b)
			continue
		}
		if a != "OK" {
			continue
		}
		for _, call := range calls {
			dry := append([]string{"ACL", "DRYRUN", "u"}, strings.Fields(call)...)
			a, b := mine.do(t, dry...) == "OK", theirs.do(t, dry...) == "OK"
			if a != b {
				t.Errorf("%q: %s is allowed: %v, by the reference: %v", args[3:], call, a, b)
			}
			if !a {
				denied++
			}
		}
	}
	if denied == 0 {
		t.Error("nothing was denied")
	}
}

// Errors of bad rules and calls.
func TestACLErrors(t *testing.T) {
	mine, theirs := dial(t, startOwn(t, subjectBin)), dial(t, older.start(t))
	for _, call := range []string{
		"ACL SETUSER b +bad", "ACL SETUSER b +@bad", "ACL SETUSER b bad", "ACL SETUSER b #12", "ACL SETUSER b <nopw", "ACL SETUSER b %X~a",
		"ACL SETUSER b (+get", "ACL SETUSER b +config|nosuch", "ACL SETUSER b +get|x|y", "ACL SETUSER b +config|get|x", "ACL SETUSER b +get|", "ACL SETUSER b -get|x", "ACL SETUSER b +@all|x",
		"ACL SETUSER b !abcd", "ACL SETUSER b ~* ~x", "ACL SETUSER b &* &x", "ACL GETUSER nosuch", "ACL DELUSER nosuch", "ACL DELUSER default",
		"ACL CAT bad", "ACL CAT a b", "ACL GENPASS 5 5", "ACL LOG RESET x", "ACL GENPASS 0", "ACL GENPASS 5000", "ACL GENPASS x", "ACL DRYRUN nosuch get k", "ACL DRYRUN default nosuch",
		"ACL DRYRUN default get", "ACL LOG x", "ACL LOG RESET", "ACL LOG", "ACL SAVE", "ACL LOAD", "ACL WHOAMI", "ACL USERS", "ACL LIST", "ACL HELP",
		"ACL GETUSER default", "ACL NOSUCH", "ACL", "AUTH default x", "AUTH x", "AUTH nosuch x", "HELLO 2 AUTH nosuch x", "CLIENT KILL USER nosuch",
	} {
		a, b := mine.do(t, strings.Fields(call)...), theirs.do(t, strings.Fields(call)...)
		if strings.HasPrefix(call, "ACL LIST") || strings.HasPrefix(call, "ACL GETUSER") {
			a, b = outcome(a), outcome(b)
		}
		if a != b {
			t.Errorf("%s: %s, the reference %s", call, a, b)
		}
	}
	if a, b := mine.do(t, "ACL", "SETUSER", "a b"), theirs.do(t, "ACL", "SETUSER", "a b"); a != b {
		t.Errorf("a name with a blank: %s, the reference %s", a, b)
	}
}

// The commands of a category are the reference's, as far as it has them.
func TestCategories(t *testing.T) {
	mine, theirs := dial(t, subject(t)), dial(t, older.process(t))
	list := func(w *wire, args ...string) []string {
		return strings.Fields(strings.ReplaceAll(w.do(t, args...), "\"", " "))
	}
	var known []string
	for _, name := range list(theirs, "COMMAND", "LIST") {
		known = append(known, strings.ToLower(name))
	}
	have := list(mine, "COMMAND", "LIST")
	// There is one more, behind theirs.
	if a, b := mine.do(t, "ACL", "CAT"), theirs.do(t, "ACL", "CAT"); a != b+"\n22) \"throttle\"" {
		t.Errorf("the categories are\n%s\nbeside\n%s", a, b)
	}
	for _, category := range list(theirs, "ACL", "CAT") {
		if strings.HasSuffix(category, ")") {
			continue
		}
		a, b := list(mine, "ACL", "CAT", category), list(theirs, "ACL", "CAT", category)
		for _, name := range b {
			if slices.Contains(have, name) && !strings.HasSuffix(name, ")") && !slices.Contains(a, name) {
				t.Errorf("%s is not in %s", name, category)
			}
		}
		for _, name := range a {
			if slices.Contains(known, name) && !strings.HasSuffix(name, ")") && !slices.Contains(b, name) &&
				differentRows[name] != fromScripts { // WAIT blocks since 7.2
				t.Errorf("%s is in %s", name, category)
			}
		}
	}
}

// A user is held to the rules from the first command to the next change of them.
func TestUsers(t *testing.T) {
	p := startOwn(t, subjectBin)
	admin := dial(t, p)
	admin.want(t, "OK", "ACL", "SETUSER", "ann", "on", ">secret", "~k*", "&news", "+get", "+set", "+subscribe", "+multi", "+exec", "+acl|whoami")
	for _, protocol := range []int{2, 3} {
		rdb := redis.NewClient(&redis.Options{Addr: p.addr, Protocol: protocol, Username: "ann", Password: "secret", PoolSize: 1})
		eq(t, rdb.Do(ctx, "ACL", "WHOAMI"), any("ann"))
		eq(t, rdb.Set(ctx, "k1", "v", 0), "OK")
		fails(t, rdb.Get(ctx, "other"), "NOPERM No permissions to access a key")
		fails(t, rdb.Del(ctx, "k1"), "NOPERM User ann has no permissions to run the 'del' command")
		rdb.Close()
	}
	ann := dial(t, p)
	ann.want(t, "(error) WRONGPASS invalid username-password pair or user is disabled.", "AUTH", "ann", "wrong")
	ann.want(t, "OK", "AUTH", "ann", "secret")
	if list := admin.do(t, "CLIENT", "LIST"); !strings.Contains(list, " user=ann ") {
		t.Errorf("CLIENT LIST: %s", list)
	}
	ann.want(t, "(error) NOPERM No permissions to access a channel", "SUBSCRIBE", "x")
	ann.want(t, "OK", "MULTI")
	ann.want(t, "QUEUED", "SET", "k1", "in time")
	admin.want(t, "OK", "ACL", "SETUSER", "ann", "-set")
	ann.want(t, "1) (error) NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "+
		"This command is no longer allowed for the following reason: no permission to execute the command or subcommand", "EXEC")

	log := admin.do(t, "ACL", "LOG")
	for _, part := range []string{`"auth"`, `"AUTH"`, `"command"`, `"del"`, `"key"`, `"other"`, `"channel"`, `"x"`, `"toplevel"`, `"multi"`, `"ann"`} {
		if !strings.Contains(log, part) {
			t.Errorf("ACL LOG does not tell %s:\n%s", part, log)
		}
	}
	if strings.Contains(log, "secret") || strings.Contains(log, "wrong") {
		t.Errorf("ACL LOG has a password:\n%s", log)
	}
	if n := strings.Count(log, `"count"`); n > 7 {
		t.Errorf("denials that are alike are %d entries:\n%s", n, log)
	}

	// A subscription that is not allowed any more ends the connection, and so
	// does the end of the user.
	sub, plain := dial(t, p), dial(t, p)
	for _, w := range []*wire{sub, plain} {
		w.want(t, "OK", "AUTH", "ann", "secret")
	}
	if _, err := sub.call(argv("SUBSCRIBE", "news")); err != nil {
		t.Fatal(err)
	}
	admin.want(t, "OK", "ACL", "SETUSER", "ann", "resetchannels")
	if _, err := sub.reply(false); err == nil {
		t.Error("a subscriber of a forbidden channel is still connected")
	}
	plain.want(t, `"ann"`, "ACL", "WHOAMI")
	admin.want(t, "(integer) 1", "ACL", "DELUSER", "ann")
	if _, err := plain.call(argv("ACL", "WHOAMI")); err == nil {
		t.Error("a client of a user that is gone is still served")
	}
}

// SORT does not show keys by its patterns that the user may not read.
func TestSortKeepsKeysSecret(t *testing.T) {
	for _, bin := range []string{subjectBin, needReference(t)} {
		w := dial(t, startOwn(t, bin))
		w.want(t, "OK", "ACL", "SETUSER", "jan", "on", "nopass", "~l", "+@all")
		w.want(t, "(integer) 1", "RPUSH", "l", "1")
		w.want(t, "OK", "SET", "secret", "x")
		w.want(t, "OK", "AUTH", "jan", "x")
		w.want(t, "1) \"1\"", "SORT", "l", "BY", "nosort")
		w.want(t, "(error) ERR GET option of SORT denied due to insufficient ACL permissions.", "SORT", "l", "GET", "secre*")
		w.want(t, "(error) ERR BY option of SORT denied due to insufficient ACL permissions.", "SORT_RO", "l", "BY", "secre*")
	}
}

// Passwords are shown nowhere.
func TestPasswordsStaySecret(t *testing.T) {
	p := startOwn(t, subjectBin, "--slowlog-log-slower-than", "0")
	mon, w := dial(t, p), dial(t, p)
	mon.want(t, "OK", "MONITOR")
	w.want(t, "OK", "ACL", "SETUSER", "bob", "on", ">sesame", "~*", "+@all")
	w.want(t, "OK", "CONFIG", "SET", "requirepass", "sesame")
	w.want(t, "OK", "AUTH", "sesame")
	w.do(t, "HELLO", "2", "AUTH", "bob", "sesame")
	w.want(t, `"end"`, "ECHO", "end")
	for {
		line, err := mon.reply(false)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(line), "sesame") {
			t.Errorf("MONITOR: %s", line)
		}
		if strings.Contains(string(line), `"end"`) {
			break
		}
	}
	for _, args := range [][]string{{"SLOWLOG", "GET", "100"}, {"CLIENT", "LIST"}, {"ACL", "LOG"}, {"ACL", "LIST"}, {"INFO", "everything"}} {
		if text := w.do(t, args...); strings.Contains(text, "sesame") {
			t.Errorf("%q: %s", args, text)
		}
	}
	if out := p.log.String(); strings.Contains(out, "sesame") {
		t.Errorf("log: %s", out)
	}
}

// Users come from a file, and go there.
func TestACLFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.acl")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("user default on nopass ~* &* +@all\nuser eve on >pw ~e* +get\n")
	w := dial(t, startOwn(t, subjectBin, "--aclfile", path))
	w.want(t, `"User eve has no permissions to access the 'x' key"`, "ACL", "DRYRUN", "eve", "get", "x")
	w.want(t, "OK", "ACL", "SETUSER", "fay", "on", "nopass", "+@all", "~*", "&*")
	w.want(t, "OK", "ACL", "SAVE")
	saved, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(saved), "user fay on nopass sanitize-payload ") || strings.Contains(string(saved), "pw") {
		t.Errorf("saved: %s, %v", saved, err)
	}
	write("user eve on nopass +@all ~*\nuser gus +nosuch\nnonsense\n")
	reply := w.do(t, "ACL", "LOAD")
	for _, part := range []string{path + ":2: Error in applying operation '+nosuch': Unknown command or category name in ACL", path + ":3 should start with user keyword", "no change to the previously active ACL rules"} {
		if !strings.Contains(reply, part) {
			t.Errorf("ACL LOAD of a bad file does not say %q: %s", part, reply)
		}
	}
	w.want(t, "1) \"default\"\n2) \"eve\"\n3) \"fay\"", "ACL", "USERS")
	write("user eve on nopass +@all ~*\n")
	w.want(t, "OK", "ACL", "LOAD")
	w.want(t, "1) \"default\"\n2) \"eve\"", "ACL", "USERS")
}

// Users and new names of commands come from the configuration; REWRITE keeps
// them.
func TestUsersOfTheConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis.conf")
	conf := "# mine\nuser hal on >pw ~* +@all\nrename-command FLUSHALL \"\"\nrename-command CONFIG secretconfig\n"
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	w := dial(t, startOwn(t, subjectBin, path))
	w.want(t, "(error) ERR unknown command 'FLUSHALL', with args beginning with: ", "FLUSHALL")
	w.want(t, "(error) ERR unknown command 'CONFIG', with args beginning with: 'GET' 'x' ", "CONFIG", "GET", "x")
	w.want(t, "OK", "AUTH", "hal", "pw")
	w.want(t, "OK", "ACL", "SETUSER", "ida", "on", "+get", "~i*")
	w.want(t, "OK", "SECRETCONFIG", "REWRITE")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"# mine", "user hal on sanitize-payload #", "user ida on sanitize-payload ~i* resetchannels -@all +get", "rename-command CONFIG secretconfig"} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the rewritten file lacks %q:\n%s", part, text)
		}
	}
}

// A client that has not logged in may send little, and gets an error otherwise.
func TestLittleBeforeLogin(t *testing.T) {
	mine, theirs := startOwn(t, subjectBin, "--requirepass", "pw"), older.start(t, "--requirepass", "pw")
	for _, sent := range []string{"*11\r\n", "*1\r\n$16385\r\n", fmt.Sprintf("*2\r\n$4\r\nAUTH\r\n$%d\r\n", 20000)} {
		var replies [2]string
		for i, p := range []*process{mine, theirs} {
			w := dial(t, p)
			if _, err := w.Write([]byte(sent)); err != nil {
				t.Fatal(err)
			}
			_ = w.SetReadDeadline(time.Now().Add(20 * time.Second))
			reply, _ := w.reply(false)
			replies[i] = string(reply)
		}
		if replies[0] != replies[1] || replies[0] == "" {
			t.Errorf("%q: %q, the reference %q", sent, replies[0], replies[1])
		}
	}
}
