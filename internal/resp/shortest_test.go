package resp

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// The texts are what servers since 7.2 reply.
func TestShortestNumbersReadAsRedisWritesThem(t *testing.T) {
	for want, f := range map[string]float64{
		"0": 0, "-0": math.Copysign(0, -1), "1": 1, "-1.5": -1.5, "0.1": 0.1, "0.3333333333333333": 1.0 / 3, "1e-7": 1e-7, "0.000001": 1e-6, "0.00001": 1e-5,
		"1.2345e-4": 0.00012345, "1.5e-7": 1.5e-7, "5e-324": 5e-324, "1.7976931348623157e+308": math.MaxFloat64,
		"9223372036854776000": 1 << 63, "18446744073709552000": 1 << 64, "1e+20": 1e20, "1e+21": 1e21, "1234567.891": 1234567.891,
		"100000.1": 100000.1, "12345678901234567000": 12345678901234567890, "1.1e+25": 1.1e25, "12345678": 12345678, "0.001234": 0.001234,
	} {
		if got := string(AppendShortest(nil, f)); got != want {
			t.Errorf("%v: %s instead of %s", f, got, want)
		}
	}
	for range 10000 {
		f := math.Float64frombits(rand.Uint64())
		if f-f != 0 {
			continue
		}
		if back, err := strconv.ParseFloat(string(AppendShortest([]byte("x"), f)[1:]), 64); back != f || err != nil {
			t.Fatalf("%v comes back as %v %v", f, back, err)
		}
	}
}
