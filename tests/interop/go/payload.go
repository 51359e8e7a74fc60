package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const block = 65_536

// payload makes the bytes that every peer makes of the same size and seed: a block of SHA-256 sums of "seed:0", "seed:1"
// and so on, over and over, each copy with its number in its first eight bytes.
func payload(size int, seed int) []byte {
	base := make([]byte, 0, block)
	for i := 0; len(base) < block; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d:%d", seed, i))
		base = append(base, sum[:]...)
	}
	blocks := (size + block - 1) / block
	data := make([]byte, blocks*block)
	for i := range blocks {
		copy(data[i*block:], base)
		binary.BigEndian.PutUint64(data[i*block:], uint64(i))
	}
	return data[:size]
}
