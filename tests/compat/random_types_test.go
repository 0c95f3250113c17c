package compat

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Commands of all types on the same few keys: types collide, and the thresholds
// of both servers are so small that encodings convert all the time.
func TestRandomCallsOfAllTypesCollide(t *testing.T) {
	if *groupsFlag != "" && !slices.Contains(strings.Split(*groupsFlag, ","), "all") {
		return // others were asked for
	}
	small := []string{
		"--hash-max-listpack-entries", "4", "--hash-max-listpack-value", "16",
		"--zset-max-listpack-entries", "4", "--zset-max-listpack-value", "16",
		"--set-max-intset-entries", "4", "--list-max-listpack-size", "4",
	}
	eachOracle(t, func(t *testing.T, o *oracle) { collide(t, o, small) })
}

func collide(t *testing.T, o *oracle, small []string) {
	newerSmall := slices.Concat(small, []string{"--set-max-listpack-entries", "4", "--set-max-listpack-value", "16"})
	ref := o.start(t, map[bool][]string{false: small, true: newerSmall}[o == newer]...)
	if !subjectIsReference() {
		small = newerSmall
	}
	sub := startOwn(t, subjectBin, small...)

	// Commands for keys of any type are called together with those of the types.
	generic := []string{"del", "rename", "renamenx", "copy", "type", "object encoding", "expire", "persist", "set", "get", "exists"}
	var from []grammar
	for _, g := range sharedGrammar(t, sub, ref) {
		if isExcluded(g.name) {
			continue
		}
		switch g.group {
		case "hash", "list", "set", "sorted-set":
			from = append(from, g)
		default:
			if slices.Contains(generic, g.name) {
				from = append(from, g)
			}
		}
	}
	seed := *seedFlag
	if seed == 0 {
		seed = time.Now().UnixNano() % 1_000_000_000
	}
	t.Logf("-groups all -seed %d -calls %d", seed, *callsFlag)
	c := newCaller(seed)
	c.homes = map[string]string{"hash": "k1", "list": "k2", "set": "k3", "sorted-set": "k4"}
	d := duel{t: t, oracle: o, sub: sub, ref: ref, errorf: t.Errorf}
	d.run(c, from, 3**callsFlag)
	t.Logf("%d of %d calls were refused", d.refused, 3**callsFlag)
}

// without is a grammar without some options.
func without(specs []argSpec, tokens ...string) []argSpec {
	var out []argSpec
	for _, a := range specs {
		if slices.Contains(tokens, a.token) {
			continue
		}
		if len(a.args) > 0 {
			a.args = without(a.args, tokens...)
		}
		out = append(out, a)
	}
	return out
}
