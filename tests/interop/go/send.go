package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// chunksOf cuts a payload into the messages of PROTOCOL 1.
func chunksOf(args arguments, data []byte) []*nats.Msg {
	count := max(1, (len(data)+args.chunkSize-1)/args.chunkSize)
	chunks := make([]*nats.Msg, count)
	for index := range chunks {
		msg := nats.NewMsg(args.subject)
		set := func(name string, value string) {
			if args.repeatHeaders {
				msg.Header[name] = append(msg.Header[name], "not this one")
			}
			msg.Header[name] = append(msg.Header[name], value)
		}
		set(payloadType, "chunked-upload")
		set(uploadID, args.uploadID)
		set(chunkIndex, strconv.Itoa(index))
		set(chunkCount, strconv.Itoa(count))
		set(totalSize, strconv.Itoa(len(data)))
		if args.filename != "" {
			set(filename, args.filename)
		}
		if args.contentType != "" {
			set(contentType, args.contentType)
		}
		msg.Data = data[index*args.chunkSize : min((index+1)*args.chunkSize, len(data))]
		chunks[index] = msg
	}
	if args.backwards {
		for i, j := 0, count-1; i < j; i, j = i+1, j-1 {
			chunks[i], chunks[j] = chunks[j], chunks[i]
		}
	}
	return chunks
}

func send(ctx context.Context, nc *nats.Conn, args arguments) (any, error) {
	data := payload(args.size, args.seed)
	chunks := chunksOf(args, data)
	times := 1
	if args.twice {
		times = 2
	}
	publish := nc.PublishMsg
	if args.delivery == "jetstream" {
		js, err := jetstream.New(nc)
		if err != nil {
			return nil, err
		}
		id, err := parseID(args.uploadID)
		if err != nil {
			return nil, err
		}
		publish = func(msg *nats.Msg) error {
			_, err := js.PublishMsg(ctx, msg, jetstream.WithMsgID(id+":"+last(msg.Header, chunkIndex)))
			return err
		}
	}
	for _, msg := range chunks {
		for range times {
			if err := publish(msg); err != nil {
				return nil, err
			}
		}
	}
	if err := nc.FlushWithContext(ctx); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return map[string]any{
		"uploadId": args.uploadID,
		"sha256":   hex.EncodeToString(sum[:]),
		"size":     len(data),
		"chunks":   len(chunks),
	}, nil
}

// benchSend publishes to a stream with some publishes in flight, and says how fast that was after a warm-up.
func benchSend(ctx context.Context, nc *nats.Conn, args arguments) (any, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(args.inFlight))
	if err != nil {
		return nil, err
	}
	publish := func(size int) (time.Duration, error) {
		chunks := chunksOf(args, payload(size, args.seed))
		start := time.Now()
		futures := make([]jetstream.PubAckFuture, len(chunks))
		for i, msg := range chunks {
			if futures[i], err = js.PublishMsgAsync(msg, jetstream.WithStallWait(time.Minute)); err != nil {
				return 0, err
			}
		}
		for _, future := range futures {
			select {
			case <-future.Ok():
			case err := <-future.Err():
				return 0, err
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		return time.Since(start), nil
	}
	if args.warmUp > 0 {
		if _, err := publish(args.warmUp); err != nil {
			return nil, fmt.Errorf("warm-up: %w", err)
		}
	}
	took, err := publish(args.size)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"bytes":          args.size,
		"ms":             took.Seconds() * 1_000,
		"bytesPerSecond": float64(args.size) / took.Seconds(),
	}, nil
}
