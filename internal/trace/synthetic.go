package trace

import "math/rand/v2"

// Synthetic is a mixture of about n requests for keys of very different popularity
// with scans and, in its second half, a loop. It is the same in every run.
func Synthetic(n int) *Trace {
	rng := rand.New(rand.NewPCG(3, 4))
	zipf := rand.NewZipf(rng, 1.05, 4, 20000)
	dense := make(map[uint64]int32)
	tr := &Trace{Name: "synthetic"}
	request := func(k uint64) {
		id, ok := dense[k]
		if !ok {
			id = int32(len(dense))
			dense[k] = id
			tr.Size = append(tr.Size, 0)
		}
		tr.Keys = append(tr.Keys, id)
	}
	for i := range n {
		request(zipf.Uint64())
		switch {
		case i%20000 < 4000:
			request(1<<40 + uint64(i))
		case i > n/2:
			request(1<<41 + uint64(i%800))
		}
	}
	return tr
}
