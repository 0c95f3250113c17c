package server

import (
	"slices"
	"sync"
)

// A denial is something that was refused to a user.
type denial struct {
	reason  string // command, key, channel or auth
	context string // toplevel, multi or lua
	object  string
	user    string
}

// An aclLog keeps the last denials, the newest first. Denials that are alike and
// come within a minute are one entry.
type aclLog struct {
	mu      sync.Mutex // guards the following
	entries []aclEntry
	nextID  int64
}

type aclEntry struct {
	denial
	id                   int64
	count                int64
	createdMS, updatedMS int64
	client               string
}

// aclMergeMS is how long a denial counts as the one before.
const aclMergeMS = 60_000

// add records a denial.
func (l *aclLog) add(us *Users, c *client, d denial) {
	if d.context == "" {
		d.context = "toplevel"
		if c.mode&(inMulti|inExec) != 0 {
			d.context = "multi"
		}
	}
	now := us.nowMS()
	info := string(c.describe(nil, now))
	most := int(us.cfg.Value("acllog-max-len").Int())
	l.mu.Lock()
	defer l.mu.Unlock()
	e := aclEntry{denial: d, id: l.nextID, count: 1, createdMS: now}
	i := slices.IndexFunc(l.entries, func(x aclEntry) bool { return x.denial == d && now-x.updatedMS <= aclMergeMS })
	if i >= 0 {
		e = l.entries[i]
		e.count++
		l.entries = slices.Delete(l.entries, i, i+1)
	} else {
		l.nextID++
	}
	e.updatedMS, e.client = now, info
	l.entries = slices.Insert(l.entries, 0, e)
	if len(l.entries) > most {
		l.entries = l.entries[:most]
	}
}

func (l *aclLog) get(n int) []aclEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries[:min(n, len(l.entries))])
}

func (l *aclLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}
