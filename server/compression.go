package server

import (
	"context"
	"time"

	"cached/engine/codec"
	"cached/internal/clock"
	"cached/internal/config"
	"cached/internal/stats"
)

// Interval of making dictionaries and of compressing values again, and the time that one run of the latter takes.
const (
	compressEvery = 100 * time.Millisecond
	compressFor   = 5 * time.Millisecond
)

var compressionModes = map[string]codec.Mode{"off": codec.Off, "s2": codec.S2, "zstd": codec.Zstd}

func (mm *Memory) setCompression(*config.Value) error {
	mm.keys.SetCompression(compressionModes[mm.cfg.Value("value-compression").String()],
		int(mm.cfg.Value("value-compression-min-size").Int()))
	return nil
}

// wakeCompression has compress look, if there may be something for it to do. Cron
// calls it.
func (mm *Memory) wakeCompression() {
	if mm.keys.Squeezes() {
		select {
		case mm.squeeze <- struct{}{}:
		default:
		}
	}
}

// compress does the background work of compression until ctx ends.
func (mm *Memory) compress(ctx context.Context) {
	beat := clock.NewBeat(compressEvery)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-mm.squeeze:
		case <-beat.C:
		}
		more := mm.keys.Train()
		for end := time.Now().Add(compressFor); !more && mm.keys.Renew(); {
			more = time.Now().After(end)
		}
		if more {
			beat.Next(compressEvery)
		}
	}
}

// reportCompression passes the counters of compression, for INFO memory.
func (mm *Memory) reportCompression(to stats.Sink) {
	c := mm.keys.Compression()
	to.Sample(stats.State("value_compression", mm.cfg.Value("value-compression").String(), "Method of compressing values"))
	to.Sample(stats.Counter("value_compression_bytes_in", c.In, "Bytes of values that were compressed, before").In(stats.Bytes))
	to.Sample(stats.Counter("value_compression_bytes_out", c.Out, "Bytes of values that were compressed, after").In(stats.Bytes))
	to.Sample(stats.Counter("value_compression_refused", c.Refused, "Values that compression did not make smaller"))
	to.Sample(stats.Gauge("value_compression_dictionaries", c.Dictionaries, "Dictionaries in use"))
	to.Sample(stats.Counter("value_compression_dictionaries_trained", c.Trained, "Dictionaries made from values"))
}
