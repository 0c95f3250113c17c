package commands_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"cached/internal/script"
)

// Sets whose members have deadlines are like maps of them, while the clock moves: each
// reply is what the map says, and what has expired is nowhere.
func TestMembersExpireAsInAModel(t *testing.T) {
	for range 20 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { membersExpire(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

type timedSets map[string]map[string]int64 // keys, members, deadlines or 0

// expire removes what has expired at nowMS.
func (m timedSets) expire(nowMS int64) {
	for key, set := range m {
		for member, due := range set {
			if due != 0 && due < nowMS {
				delete(set, member)
			}
		}
		if len(set) == 0 {
			delete(m, key)
		}
	}
}

func (m timedSets) add(key, member string) (added bool) {
	if m[key] == nil {
		m[key] = map[string]int64{}
	}
	if _, ok := m[key][member]; !ok {
		m[key][member], added = 0, true
	}
	return added
}

func (m timedSets) remove(key, member string) bool {
	_, ok := m[key][member]
	delete(m[key], member)
	if len(m[key]) == 0 {
		delete(m, key)
	}
	return ok
}

// sexpire is SPEXPIREAT for one member.
func (m timedSets) sexpire(key, member, cond string, at, nowMS int64) int {
	old, ok := m[key][member]
	switch {
	case !ok:
		return -2
	case cond == "NX" && old != 0, cond == "XX" && old == 0, cond == "GT" && (old == 0 || at <= old), cond == "LT" && old != 0 && at >= old:
		return 0
	case at <= nowMS:
		m.remove(key, member)
		return 2
	}
	m[key][member] = at
	return 1
}

func membersExpire(t *testing.T, r *rand.Rand) {
	s := newStage()
	model := timedSets{}
	members := 3 + r.IntN(3)*100 // small sets, and such as become large
	for step := range 3000 {
		s.nowMS += int64(r.IntN(4))
		model.expire(s.nowMS)
		key := string(rune('a' + r.IntN(3)))
		member := func() string {
			if n := r.IntN(members); r.IntN(2) == 0 {
				return strconv.Itoa(n)
			} else {
				return "m" + strconv.Itoa(n)
			}
		}
		m, other := member(), member()
		var call []string
		var want string
		num := func(n ...int) {
			var lines []string
			for i, x := range n {
				lines = append(lines, fmt.Sprintf("%d) (integer) %d", i+1, x))
			}
			want = strings.Join(lines, "\n")
		}
		one := func(ok bool) { want = map[bool]string{false: "(integer) 0", true: "(integer) 1"}[ok] }
		switch r.IntN(11) {
		case 0, 1:
			call = []string{"SADD", key, m}
			one(model.add(key, m))
		case 2:
			call = []string{"SREM", key, m}
			one(model.remove(key, m))
		case 3, 4:
			cond := []string{"", "", "NX", "XX", "GT", "LT"}[r.IntN(6)]
			at := s.nowMS + int64(r.IntN(300)) - 5
			call = []string{"SPEXPIREAT", key, strconv.FormatInt(at, 10)}
			if cond != "" {
				call = append(call, cond)
			}
			call = append(call, "MEMBERS", "2", m, other)
			num(model.sexpire(key, m, cond, at, s.nowMS), model.sexpire(key, other, cond, at, s.nowMS))
		case 5:
			call = []string{"SPERSIST", key, "MEMBERS", "1", m}
			switch due, ok := model[key][m]; {
			case !ok:
				num(-2)
			case due == 0:
				num(-1)
			default:
				model[key][m] = 0
				num(1)
			}
		case 6:
			call = []string{"SPTTL", key, "MEMBERS", "1", m}
			switch due, ok := model[key][m]; {
			case !ok:
				num(-2)
			case due == 0:
				num(-1)
			default:
				num(int(due - s.nowMS))
			}
		case 7:
			at := s.nowMS + int64(r.IntN(200))
			call = []string{"SADDEX", key, "PXAT", strconv.FormatInt(at, 10), "MEMBERS", "2", m, other}
			one(true)
			for _, x := range []string{m, other} {
				if at > s.nowMS {
					model.add(key, x)
					model[key][x] = at
				} else {
					model.remove(key, x)
				}
			}
		case 8:
			to := string(rune('a' + r.IntN(3)))
			call = []string{"COPY", key, to, "REPLACE"}
			if to == key {
				continue
			}
			one(model[key] != nil)
			if model[key] != nil {
				model[to] = map[string]int64{}
				for x, due := range model[key] {
					model[to][x] = due
				}
			}
		case 9:
			call = []string{"SISMEMBER", key, m}
			_, ok := model[key][m]
			one(ok)
		default:
			call = []string{"SCARD", key}
			want = fmt.Sprintf("(integer) %d", len(model[key]))
		}
		argv := make([][]byte, len(call))
		for i, w := range call {
			argv[i] = []byte(w)
		}
		if got := script.RenderRaw(s.do("a", argv, false)); got != want {
			t.Fatalf("step %d: %v: %q, want %q", step, call, got, want)
		}
	}
}
