package main

import (
	"fmt"

	"github.com/nats-io/nats.go"
)

const maxChunkSize = 8_000_000

// whole is a payload that has arrived.
type whole struct {
	id   string
	meta metadata
	data []byte
}

type upload struct {
	meta      metadata
	chunkSize int
	chunks    map[int][]byte
}

// assembler puts version-1 uploads together (PROTOCOL 2).
type assembler struct {
	uploads map[string]*upload
	ended   map[string]bool
}

func newAssembler() *assembler {
	return &assembler{map[string]*upload{}, map[string]bool{}}
}

// push takes one message. It returns the payload that the message made whole, or why the message is refused.
func (a *assembler) push(header nats.Header, body []byte) (*whole, string, error) {
	if last(header, payloadType) != "chunked-upload" {
		return nil, "", nil
	}
	id, err := parseID(last(header, uploadID))
	if err != nil || a.ended[id] {
		return nil, id, err
	}
	meta, err := readMetadata(header)
	if err != nil {
		return nil, id, err
	}
	index, err := number(header, chunkIndex)
	if err != nil {
		return nil, id, err
	}
	found := a.uploads[id]
	if found != nil && found.meta != meta {
		return nil, id, fmt.Errorf("chunk %d says %+v, the first one said %+v", index, meta, found.meta)
	}
	known := 0
	if found != nil {
		known = found.chunkSize
	}
	chunkSize, err := chunkSizeOf(meta, index, len(body), known)
	if err != nil {
		return nil, id, err
	}
	if found == nil {
		found = &upload{meta, chunkSize, map[int][]byte{}}
		a.uploads[id] = found
	}
	if found.chunks[index] == nil {
		found.chunks[index] = body
	}
	if len(found.chunks) < meta.count {
		return nil, id, nil
	}
	return a.finish(id, found)
}

// chunkSizeOf returns the length of all chunks but the last, told by the first one that came; 0 where it is not known.
func chunkSizeOf(meta metadata, index int, length int, known int) (int, error) {
	if index >= meta.count {
		return 0, fmt.Errorf("chunk %d of %d", index, meta.count)
	}
	chunkSize := known
	if known == 0 && meta.count > 1 && index == meta.count-1 {
		chunkSize = (meta.size - length) / (meta.count - 1)
	} else if known == 0 {
		chunkSize = length
	}
	if chunkSize < 1 || chunkSize > maxChunkSize || (meta.size+chunkSize-1)/chunkSize != meta.count ||
		length != min(chunkSize, meta.size-index*chunkSize) {
		return 0, fmt.Errorf("chunk %d of %d has %d bytes of %d", index, meta.count, length, meta.size)
	}
	return chunkSize, nil
}

func (a *assembler) finish(id string, found *upload) (*whole, string, error) {
	delete(a.uploads, id)
	data := make([]byte, 0, found.meta.size)
	for index := range found.meta.count {
		data = append(data, found.chunks[index]...)
	}
	if len(data) != found.meta.size {
		return nil, id, fmt.Errorf("%d bytes came, wanted are %d", len(data), found.meta.size)
	}
	a.ended[id] = true
	return &whole{id, found.meta, data}, id, nil
}
