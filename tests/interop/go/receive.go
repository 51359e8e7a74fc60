package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// incoming is a message of either delivery; over core NATS there is nothing to settle.
type incoming struct {
	header    nats.Header
	body      []byte
	ack, term func() error
}

func nothing() error { return nil }

// subscribe returns a function that waits for the next message.
func subscribe(ctx context.Context, nc *nats.Conn, args arguments) (func() (incoming, error), error) {
	if args.delivery == "core" {
		sub, err := nc.SubscribeSync(args.subject)
		if err != nil {
			return nil, err
		}
		return func() (incoming, error) {
			msg, err := sub.NextMsgWithContext(ctx)
			if err != nil {
				return incoming{}, err
			}
			return incoming{msg.Header, msg.Data, nothing, nothing}, nil
		}, nc.FlushWithContext(ctx)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	consumer, err := js.CreateConsumer(ctx, args.stream, jetstream.ConsumerConfig{
		FilterSubject: args.subject,
		AckPolicy:     jetstream.AckExplicitPolicy,
	})
	if err != nil {
		return nil, err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(8))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, messages.Stop)
	return func() (incoming, error) {
		msg, err := messages.Next()
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) && ctx.Err() != nil {
			return incoming{}, ctx.Err()
		}
		if err != nil {
			return incoming{}, err
		}
		return incoming{msg.Headers(), msg.Data(), msg.Ack, msg.Term}, nil
	}, nil
}

// receive prints a line for each upload that has ended, whole or refused.
func receive(ctx context.Context, nc *nats.Conn, args arguments) error {
	next, err := subscribe(ctx, nc, args)
	if err != nil {
		return err
	}
	printLine(map[string]any{"ready": true})
	uploads := newAssembler()
	for ended := 0; ended < args.uploads; {
		msg, err := next()
		if err != nil {
			return err
		}
		done, id, refused := uploads.push(msg.header, msg.body)
		settle := msg.ack
		if refused != nil {
			settle = msg.term
			printLine(map[string]any{"uploadId": id, "refused": refused.Error()})
			ended++
		}
		if err := settle(); err != nil {
			return err
		}
		if done != nil {
			sum := sha256.Sum256(done.data)
			printLine(map[string]any{
				"uploadId":    done.id,
				"sha256":      hex.EncodeToString(sum[:]),
				"size":        len(done.data),
				"chunks":      done.meta.count,
				"filename":    done.meta.filename,
				"contentType": done.meta.contentType,
			})
			ended++
		}
	}
	return nc.FlushWithContext(ctx)
}
