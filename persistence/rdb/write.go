package rdb

import (
	"encoding/binary"
	"fmt"
	"io"

	"cached/internal/crc"
)

// Header appends the beginning of a file.
func (e *Encoder) Header() {
	if e.Version == 0 {
		e.Version = BaseVersion
	}
	e.B = fmt.Appendf(e.B, "REDIS%04d", e.Version)
}

// Aux appends an auxiliary field.
func (e *Encoder) Aux(name, text string) {
	e.B = append(e.B, opAux)
	e.String([]byte(name))
	e.String([]byte(text))
}

// Library appends the code of a function library.
func (e *Encoder) Library(code []byte) {
	e.B = append(e.B, opFunction)
	e.String(code)
}

// Select says that the keys that follow are in database db.
func (e *Encoder) Select(db int) {
	e.B = append(e.B, opSelect)
	e.length(uint64(db))
}

// Sizes says about how many keys the database has, and how many with a deadline.
func (e *Encoder) Sizes(keys, deadlines int) {
	e.B = append(e.B, opResize)
	e.length(uint64(keys))
	e.length(uint64(deadlines))
}

// A Writer writes a file that an Encoder makes, and its checksum.
type Writer struct {
	W     io.Writer
	NoSum bool
	N     int64 // bytes so far

	sum uint64
}

// Write writes encoded bytes.
func (w *Writer) Write(p []byte) (int, error) {
	if !w.NoSum {
		w.sum = crc.Sum64(w.sum, p)
	}
	n, err := w.W.Write(p)
	w.N += int64(n)
	return n, err
}

// End writes the end of the file.
func (w *Writer) End() error {
	if _, err := w.Write([]byte{opEnd}); err != nil {
		return err
	}
	_, err := w.Write(binary.LittleEndian.AppendUint64(nil, w.sum))
	return err
}
