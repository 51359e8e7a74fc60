package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

type vectorFile struct {
	Vectors []json.RawMessage
}

type vector struct {
	Name     string
	Messages []struct {
		Headers [][2]string
		Body    struct{ Length, From, Seed int }
		Expect  expectation
	}
}

// expectation is what becomes of a message; this receiver does not tell a repeat from a new chunk.
type expectation struct {
	Result      string  `json:"result"`
	UploadID    string  `json:"uploadId,omitempty"`
	Size        int     `json:"size,omitempty"`
	Digest      string  `json:"digest,omitempty"`
	Filename    *string `json:"filename,omitempty"`
	ContentType *string `json:"contentType,omitempty"`
}

// What version 1 knows nothing of, or this receiver has no bounds for.
var extensions = []string{
	`"limits"`, `"raw"`, `"answer"`, `"then"`, `"X-Payload-Digest"`, `"chunked-ask"`, `["X-Total-Size","0"]`,
}

func isVersion1(text string) bool {
	flat := strings.NewReplacer(" ", "", "\n", "").Replace(text)
	for _, word := range extensions {
		if strings.Contains(flat, word) {
			return false
		}
	}
	return true
}

func bodyOf(length, from, seed int) []byte {
	body := make([]byte, length)
	for at := range body {
		position := from + at
		body[at] = byte(position*7 + seed*13 + position/256)
	}
	return body
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func outcome(uploads *assembler, header nats.Header, body []byte) expectation {
	done, _, err := uploads.push(header, body)
	if err != nil {
		return expectation{Result: "refused"}
	}
	if done == nil {
		return expectation{Result: "taken"}
	}
	sum := sha256.Sum256(done.data)
	return expectation{
		Result:      "complete",
		UploadID:    done.id,
		Size:        len(done.data),
		Digest:      "SHA-256=" + base64.URLEncoding.EncodeToString(sum[:]),
		Filename:    optional(done.meta.filename),
		ContentType: optional(done.meta.contentType),
	}
}

func wanted(expect expectation) expectation {
	switch expect.Result {
	case "ignored", "accepted", "duplicate":
		return expectation{Result: "taken"}
	case "refused":
		return expectation{Result: "refused"}
	}
	return expect
}

// runVectors runs the test vectors that a receiver of version 1 alone can run.
func runVectors(path string) (any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file vectorFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	vectors, messages := 0, 0
	differences := []any{}
	for _, raw := range file.Vectors {
		if !isVersion1(string(raw)) {
			continue
		}
		var one vector
		if err := json.Unmarshal(raw, &one); err != nil {
			return nil, err
		}
		vectors++
		uploads := newAssembler()
		for _, message := range one.Messages {
			messages++
			header := nats.Header{}
			for _, line := range message.Headers {
				header[line[0]] = append(header[line[0]], line[1])
			}
			body := message.Body
			found, _ := json.Marshal(outcome(uploads, header, bodyOf(body.Length, body.From, body.Seed)))
			expected, _ := json.Marshal(wanted(message.Expect))
			if string(found) != string(expected) {
				differences = append(differences, map[string]string{
					"vector": one.Name, "found": string(found), "wanted": string(expected),
				})
			}
		}
	}
	return map[string]any{"vectors": vectors, "messages": messages, "differences": differences}, nil
}
