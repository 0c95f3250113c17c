package compat

import (
	"errors"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
)

// A real client, on memcached and on the subject.
func TestGomemcache(t *testing.T) {
	reference := startMemcached(t)
	_, ours := startForMemcached(t)
	for _, addr := range []string{reference, ours} {
		c := memcache.New(addr)
		check := func(what string, got, want error) {
			t.Helper()
			if !errors.Is(got, want) {
				t.Errorf("%s: %s: %v, want %v", addr, what, got, want)
			}
		}
		check("ping", c.Ping(), nil)
		check("set", c.Set(&memcache.Item{Key: "a", Value: []byte("one"), Flags: 7, Expiration: 100}), nil)
		check("add", c.Add(&memcache.Item{Key: "a", Value: []byte("x")}), memcache.ErrNotStored)
		check("replace", c.Replace(&memcache.Item{Key: "none", Value: []byte("x")}), memcache.ErrNotStored)
		check("append", c.Append(&memcache.Item{Key: "a", Value: []byte("+")}), nil)
		check("prepend", c.Prepend(&memcache.Item{Key: "a", Value: []byte("-")}), nil)
		it, err := c.Get("a")
		check("get", err, nil)
		if err == nil && (string(it.Value) != "-one+" || it.Flags != 7) {
			t.Errorf("%s: %q with flags %d", addr, it.Value, it.Flags)
		}
		it.Value = []byte("two")
		check("cas", c.CompareAndSwap(it), nil)
		check("cas again", c.CompareAndSwap(it), memcache.ErrCASConflict)
		check("delete", c.Delete("a"), nil)
		check("delete again", c.Delete("a"), memcache.ErrCacheMiss)
		check("cas of none", c.CompareAndSwap(it), memcache.ErrCacheMiss)
		check("set", c.Set(&memcache.Item{Key: "n", Value: []byte("41")}), nil)
		n, err := c.Increment("n", 1)
		check("incr", err, nil)
		m, err := c.Decrement("n", 100)
		check("decr", err, nil)
		if n != 42 || m != 0 {
			t.Errorf("%s: %d, %d", addr, n, m)
		}
		check("touch", c.Touch("n", 100), nil)
		check("touch of none", c.Touch("none", 100), memcache.ErrCacheMiss)
		_, err = c.GetAndTouch("n", 200)
		check("gat", err, nil)
		all, err := c.GetMulti([]string{"n", "none", "a"})
		check("get of several", err, nil)
		if len(all) != 1 {
			t.Errorf("%s: %v", addr, all)
		}
		check("flush_all", c.FlushAll(), nil)
		_, err = c.Get("n")
		check("get after flush_all", err, memcache.ErrCacheMiss)
		check("close", c.Close(), nil)
	}
}
