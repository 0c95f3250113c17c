package crc

import "testing"

func TestTheChecksumIsThatOfRedis(t *testing.T) {
	// The check value of the algorithm's definition.
	if got := Sum64(0, []byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("Sum64 of 123456789 is %#x", got)
	}
}

func TestPartsGiveTheChecksumOfTheWhole(t *testing.T) {
	b := make([]byte, 100)
	for i := range b {
		b[i] = byte(i * 7)
	}
	slow := uint64(0)
	for _, c := range b {
		slow = slow>>8 ^ tables[0][byte(slow)^c]
	}
	for i := range b {
		if got := Sum64(Sum64(0, b[:i]), b[i:]); got != slow {
			t.Fatalf("split at %d: %#x, want %#x", i, got, slow)
		}
	}
}

func BenchmarkSum64(b *testing.B) {
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		Sum64(0, p)
	}
}
