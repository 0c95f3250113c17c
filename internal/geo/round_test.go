package geo

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bigSine adds its series up with 300 bits.
func bigSine(x *big.Float) *big.Float {
	number := func(f float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(f) }
	sum, term, square := number(0), number(0).Set(x), number(0).Mul(x, x)
	for n := 2.0; n < 100; n += 2 {
		sum.Add(sum, term)
		term.Mul(term, square)
		term.Quo(term, number(-n*(n+1)))
	}
	return sum
}

func TestSinesAreRoundedCorrectly(t *testing.T) {
	halfPi, _ := new(big.Float).SetPrec(300).SetString(
		"1.57079632679489661923132169163975144209858469968755291048747229615390820314310449931401741267105853399107404326")
	exactly := func(x float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(x) }
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		x := (rng.Float64()*2 - 1) * math.Pi
		switch i % 4 {
		case 0:
			x *= math.Exp2(-40 * rng.Float64())
		case 1:
			x = float64(i%16)*math.Pi/4 - math.Pi + rng.Float64()*1e-12 // where a sine or cosine vanishes
		}
		if math.Abs(x) > math.Pi {
			continue
		}
		if want, _ := bigSine(exactly(x)).Float64(); sine(x) != want {
			t.Errorf("sine(%v) = %v, want %v", x, sine(x), want)
		}
		quarterOn := exactly(x)
		quarterOn.Add(quarterOn, halfPi)
		if want, _ := bigSine(quarterOn).Float64(); cosine(x) != want {
			t.Errorf("cosine(%v) = %v, want %v", x, cosine(x), want)
		}
	}
}

// The arcsine is the number whose sine is nearest: the sines of the middles between
// it and its neighbours are on either side.
func TestArcsinesAreRoundedCorrectly(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 20_000 {
		y := rng.Float64()
		switch i % 4 {
		case 0:
			y *= math.Exp2(-40 * rng.Float64())
		case 1:
			y = 1 - y*math.Exp2(-40*rng.Float64())
		}
		a := arcsine(y)
		middle := func(b float64) *big.Float {
			m := new(big.Float).SetPrec(300).SetFloat64(a)
			m.Add(m, new(big.Float).SetFloat64(b))
			return bigSine(m.Quo(m, big.NewFloat(2)))
		}
		exact := new(big.Float).SetFloat64(y)
		below, above := middle(math.Nextafter(a, -1)), middle(math.Nextafter(a, 2))
		if below.Cmp(exact) > 0 || above.Cmp(exact) < 0 && a < math.Pi/2 {
			t.Errorf("arcsine(%v) = %v", y, a)
		}
	}
	for y, want := range map[float64]float64{0: 0, 1: math.Pi / 2} {
		if got := arcsine(y); got != want {
			t.Errorf("arcsine(%v) = %v, want %v", y, got, want)
		}
	}
}

func TestDistances(t *testing.T) {
	a, b := Point{Lon: 13.361389338970184, Lat: 38.1155563954963}, Point{Lon: 15.087267458438873, Lat: 37.50266842333162}
	if fast, exact := Distance(a, b), ExactDistance(a, b); math.Abs(fast-exact) > 1e-9 || math.Round(exact*10000) != 1662741516 {
		t.Errorf("%v and %v meters from Palermo to Catania", fast, exact)
	}
	if d := ExactDistance(a, a); d != 0 {
		t.Errorf("%v meters from a place to itself", d)
	}
}

func BenchmarkDistance(b *testing.B) {
	p, q := Point{Lon: 2.19, Lat: 41.4}, Point{Lon: 3.1, Lat: 40.2}
	for b.Loop() {
		Distance(p, q)
	}
}

func BenchmarkExactDistance(b *testing.B) {
	p, q := Point{Lon: 2.19, Lat: 41.4}, Point{Lon: 3.1, Lat: 40.2}
	for b.Loop() {
		ExactDistance(p, q)
	}
}
