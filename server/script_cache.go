package server

import (
	"sync"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"cached/commands"
	"cached/internal/lua"
)

// Bounds of the cache of scripts. Scripts of SCRIPT LOAD stay until SCRIPT FLUSH; those of EVAL may be replaced.
const (
	maxLoadedBytes  = 256 << 20
	maxEvalScripts  = 500
	maxEvalKeptSize = 1 << 20 // a longer script is compiled at every EVAL
)

const errScriptsFull = commands.Error("ERR too many scripts were loaded: SCRIPT FLUSH makes room")

// A scriptName is the SHA-1 of a script in lower-case hex.
type scriptName [40]byte

// scriptCache keeps compiled scripts by name. All loops share it.
type scriptCache struct {
	evaluated *lru.Cache[scriptName, *lua.Program]
	bytes     atomic.Int64 // of loaded ones
	keysOf    lua.KeysOf

	mu     sync.RWMutex // guards loaded
	loaded map[scriptName]*lua.Program
}

func newScriptCache(keysOf lua.KeysOf) *scriptCache {
	evaluated, err := lru.New[scriptName, *lua.Program](maxEvalScripts)
	if err != nil {
		panic("server: " + err.Error()) // the size is a constant
	}
	return &scriptCache{evaluated: evaluated, keysOf: keysOf, loaded: make(map[scriptName]*lua.Program)}
}

// nameOf reads a script's name; ok is false if it can be none.
func nameOf(b []byte) (name scriptName, ok bool) {
	if len(b) != len(name) {
		return name, false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		name[i] = c
	}
	return name, true
}

// named returns the script of a name, or nil.
func (sc *scriptCache) named(name scriptName) *lua.Program {
	sc.mu.RLock()
	p := sc.loaded[name]
	sc.mu.RUnlock()
	if p == nil {
		p, _ = sc.evaluated.Get(name)
	}
	return p
}

// compiled returns the script of a source, compiling it if it is new.
func (sc *scriptCache) compiled(source []byte, keep bool) (*lua.Program, error) {
	name, _ := nameOf([]byte(lua.SHA1(source)))
	p := sc.named(name)
	if p == nil {
		var err error
		if p, err = lua.Compile(string(source), sc.keysOf); err != nil {
			return nil, commands.Error(err.Error())
		}
	}
	if !keep {
		if len(source) <= maxEvalKeptSize {
			sc.evaluated.ContainsOrAdd(name, p)
		}
		return p, nil
	}
	sc.mu.Lock()
	defer sc.mu.Unlock()
	if sc.loaded[name] == nil {
		if sc.bytes.Load()+int64(p.Size()) > maxLoadedBytes {
			return nil, errScriptsFull
		}
		sc.loaded[name] = p
		sc.bytes.Add(int64(p.Size()))
		sc.evaluated.Remove(name)
	}
	return p, nil
}

// flush forgets all scripts.
func (sc *scriptCache) flush() {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	clear(sc.loaded)
	sc.bytes.Store(0)
	sc.evaluated.Purge()
}

// count is how many scripts there are and about how much memory they take.
func (sc *scriptCache) count() (n int, bytes int64) {
	sc.mu.RLock()
	defer sc.mu.RUnlock()
	bytes = sc.bytes.Load()
	for _, p := range sc.evaluated.Values() {
		bytes += int64(p.Size())
	}
	return len(sc.loaded) + sc.evaluated.Len(), bytes
}

// keysOfCommand returns the positions of a command's keys for the analysis of scripts.
func (x *Scripts) keysOfCommand(words [][]byte, open bool) (keys []int, rest, ok bool) {
	for i := range min(len(words), 2) {
		if words[i] == nil && i == 0 {
			return nil, false, false
		}
	}
	lookup := words
	if len(words) > 1 && words[1] == nil {
		lookup = words[:1]
	}
	spec, _ := x.table.Find(lookup)
	if spec == nil || len(spec.Sub) > 0 || spec.Flags&(commands.Keyspace|commands.Deferred) != 0 {
		return nil, false, false
	}
	for i := range spec.Keys {
		k := &spec.Keys[i]
		switch {
		case k.Flags&commands.NotKey != 0:
			continue
		case k.Keyword != "" || k.UnknownBegin || k.UnknownFind || k.Limit > 1:
			return nil, false, false
		case k.Counted:
			at := k.Index + k.CountAt
			if at >= len(words) || words[at] == nil {
				return nil, false, false
			}
			n := 0
			for _, c := range words[at] {
				if c < '0' || c > '9' || n > 1<<20 {
					return nil, false, false
				}
				n = n*10 + int(c-'0')
			}
			first, step := k.Index+k.FirstAt, max(k.Step, 1)
			for j := range n {
				p := first + j*step
				if p >= len(words) {
					if !open {
						break
					}
					return nil, false, false
				}
				keys = append(keys, p)
			}
		case k.Last >= 0:
			for p := k.Index; p <= k.Index+k.Last; p += max(k.Step, 1) {
				if p < len(words) {
					keys = append(keys, p)
				} else if open {
					rest = true
				}
			}
		case open && (k.Last != -1 || k.Step > 1):
			return nil, false, false
		default:
			last := len(words) + k.Last
			if open {
				last, rest = len(words)-1, true
			}
			for p := k.Index; p <= last; p += max(k.Step, 1) {
				keys = append(keys, p)
			}
		}
	}
	return keys, rest, true
}
