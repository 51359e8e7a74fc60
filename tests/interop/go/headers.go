package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/nats-io/nats.go"
)

// The header names of PROTOCOL 1, spelled as on the wire.
const (
	payloadType = "X-Payload-Type"
	uploadID    = "X-Chunked-Upload-Id"
	chunkIndex  = "X-Chunk-Index"
	chunkCount  = "X-Chunk-Count"
	totalSize   = "X-Total-Size"
	filename    = "X-Filename"
	contentType = "X-Content-Type"
)

const (
	maxSafeInteger   = 1<<53 - 1
	maxFilenameBytes = 1_024
)

// metadata is what every chunk of an upload repeats.
type metadata struct {
	count, size           int
	filename, contentType string
}

// last returns the last value of a header whose name is matched exactly.
func last(header nats.Header, name string) string {
	values := header[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

var digits = regexp.MustCompile(`^[0-9]+$`)

func number(header nats.Header, name string) (int, error) {
	text := last(header, name)
	value, err := strconv.Atoi(text)
	if !digits.MatchString(text) || err != nil || value > maxSafeInteger {
		return 0, fmt.Errorf("%s is %q", name, text)
	}
	return value, nil
}

var hyphenated = regexp.MustCompile(`^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$`)
var plain = regexp.MustCompile(`^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$`)

// parseID returns the lower-case hyphenated form of an id in any spelling of a UUID.
func parseID(text string) (string, error) {
	bare := strings.ToLower(text)
	if rest, found := strings.CutPrefix(bare, "urn:uuid:"); found {
		bare = rest
	} else if strings.HasPrefix(bare, "{") && strings.HasSuffix(bare, "}") {
		bare = bare[1 : len(bare)-1]
	}
	for _, spelling := range []*regexp.Regexp{hyphenated, plain} {
		if parts := spelling.FindStringSubmatch(bare); parts != nil {
			return strings.Join(parts[1:], "-"), nil
		}
	}
	return "", fmt.Errorf("%s is %q", uploadID, text)
}

func readMetadata(header nats.Header) (metadata, error) {
	count, err := number(header, chunkCount)
	if err != nil {
		return metadata{}, err
	}
	size, err := number(header, totalSize)
	if err != nil {
		return metadata{}, err
	}
	if size == 0 {
		return metadata{}, fmt.Errorf("total size 0")
	}
	if count < 1 || count > size {
		return metadata{}, fmt.Errorf("%s is %d for %d bytes", chunkCount, count, size)
	}
	name := last(header, filename)
	if strings.ContainsFunc(name, unicode.IsControl) || len(name) > maxFilenameBytes {
		return metadata{}, fmt.Errorf("%s is %q", filename, name)
	}
	return metadata{count, size, name, last(header, contentType)}, nil
}
