package rdb

import (
	"bytes"
	"fmt"
	"testing"

	"cached/engine"
)

// benchFile is a file with strings and small collections.
func benchFile() []byte {
	e := &Encoder{Compress: true}
	e.Header()
	e.Select(0)
	elem := func(format string, i int) { e.String(fmt.Appendf(nil, format, i)) }
	for i := range 300_000 {
		e.B = append(e.B, typeString)
		elem("key:%d", i)
		elem("value:%d", i)
		if i%10 == 0 {
			e.B = append(e.B, typeHashListpack)
			elem("hash:%d", i)
			e.beginPack()
			for f := range 8 {
				e.packText(fmt.Appendf(nil, "field%d", f))
				e.packInt(int64(i * f))
			}
			e.endPack(16)
		}
	}
	e.B = append(e.B, opEnd, 0, 0, 0, 0, 0, 0, 0, 0)
	return e.B
}

func BenchmarkLoad(b *testing.B) {
	file := benchFile()
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		e := engine.New(engine.Options{})
		if r, err := Load(bytes.NewReader(file), e, LoadOptions{NowMS: testNowMS, Size: int64(len(file))}); err != nil || r.Keys != 330_000 {
			b.Fatal(r, err)
		}
		var tx engine.Tx
		tx.Begin(e, 0, testNowMS)
		tx.LockAll()
		tx.Flush(-1, false)
		tx.Unlock()
	}
}
