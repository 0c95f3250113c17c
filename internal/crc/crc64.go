package crc

import "encoding/binary"

// jones is the polynomial of the checksum in RDB files and DUMP payloads, its
// bits reversed.
const jones = 0x95ac9329ac4bc9b5

// tables[k][b] is the checksum of byte b followed by k zero bytes: eight bytes
// are taken at once.
var tables = func() (t [8][256]uint64) {
	for b := range t[0] {
		crc := uint64(b)
		for range 8 {
			crc = crc>>1 ^ jones&-(crc&1)
		}
		t[0][b] = crc
	}
	for k := 1; k < 8; k++ {
		for b := range t[k] {
			t[k][b] = t[k-1][b]>>8 ^ t[0][t[k-1][b]&0xFF]
		}
	}
	return t
}()

// Sum64 returns the checksum of the data with checksum crc, 0 at first, followed by p.
func Sum64(crc uint64, p []byte) uint64 {
	for ; len(p) >= 8; p = p[8:] {
		crc ^= binary.LittleEndian.Uint64(p)
		crc = tables[7][crc&0xFF] ^ tables[6][crc>>8&0xFF] ^ tables[5][crc>>16&0xFF] ^ tables[4][crc>>24&0xFF] ^
			tables[3][crc>>32&0xFF] ^ tables[2][crc>>40&0xFF] ^ tables[1][crc>>48&0xFF] ^ tables[0][crc>>56]
	}
	for _, c := range p {
		crc = crc>>8 ^ tables[0][byte(crc)^c]
	}
	return crc
}
