package value

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestParseIntTakesCanonicalFormsOnly(t *testing.T) {
	for _, s := range []string{"0", "1", "-1", "9223372036854775807", "-9223372036854775808", "10", "-10"} {
		want, _ := strconv.ParseInt(s, 10, 64)
		if got, ok := ParseInt([]byte(s)); !ok || got != want {
			t.Errorf("%q: %d %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "-", "-0", "00", "01", "+1", " 1", "1 ", "1.0", "9223372036854775808",
		"-9223372036854775809", "18446744073709551616", "99999999999999999999", "a", "1a"} {
		if n, ok := ParseInt([]byte(s)); ok {
			t.Errorf("%q was read as %d", s, n)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10000 {
		n := int64(rng.Uint64()) >> rng.IntN(64)
		if got, ok := ParseInt(strconv.AppendInt(nil, n, 10)); !ok || got != n {
			t.Fatalf("%d: %d %v", n, got, ok)
		}
	}
}
