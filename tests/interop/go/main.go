// A sender and a receiver of version-1 chunked uploads over nats.go, written from the protocol alone.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
)

type arguments struct {
	url, subject, delivery, stream          string
	uploadID, filename, contentType, file   string
	size, seed, chunkSize, uploads, timeout int
	warmUp, inFlight                        int
	repeatHeaders, backwards, twice         bool
}

func parse(args []string) arguments {
	var a arguments
	flags := flag.NewFlagSet("peer", flag.ExitOnError)
	flags.StringVar(&a.url, "url", nats.DefaultURL, "address of the server")
	flags.StringVar(&a.subject, "subject", "", "where the chunks go")
	flags.StringVar(&a.delivery, "delivery", "core", "core or jetstream")
	flags.StringVar(&a.stream, "stream", "", "the stream to receive from")
	flags.StringVar(&a.uploadID, "upload-id", "", "in the spelling to send")
	flags.StringVar(&a.filename, "filename", "", "")
	flags.StringVar(&a.contentType, "content-type", "", "")
	flags.StringVar(&a.file, "file", "", "the vectors to run")
	flags.IntVar(&a.size, "size", 0, "bytes of the payload")
	flags.IntVar(&a.seed, "seed", 0, "what the payload is made of")
	flags.IntVar(&a.chunkSize, "chunk-size", 2_000_000, "bytes of a chunk")
	flags.IntVar(&a.uploads, "uploads", 1, "how many uploads to receive")
	flags.IntVar(&a.timeout, "timeout", 60, "longest run in seconds")
	flags.IntVar(&a.warmUp, "warm-up", 0, "bytes sent before those that are measured")
	flags.IntVar(&a.inFlight, "in-flight", 8, "publishes under way at a time")
	flags.BoolVar(&a.repeatHeaders, "repeat-headers", false, "write each header twice, the first one wrong")
	flags.BoolVar(&a.backwards, "backwards", false, "send the last chunk first")
	flags.BoolVar(&a.twice, "twice", false, "send each chunk twice")
	flags.Parse(args)
	return a
}

func printLine(value any) {
	line, _ := json.Marshal(value)
	fmt.Println(string(line))
}

func run(command string, args arguments) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(args.timeout)*time.Second)
	defer cancel()
	nc, err := nats.Connect(args.url)
	if err != nil {
		return err
	}
	defer nc.Close()
	var result any
	switch command {
	case "send":
		result, err = send(ctx, nc, args)
	case "bench-send":
		result, err = benchSend(ctx, nc, args)
	case "receive":
		return receive(ctx, nc, args)
	default:
		err = fmt.Errorf("want send, receive, bench-send or vectors")
	}
	if err == nil {
		printLine(result)
	}
	return err
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "want send, receive, bench-send or vectors")
		os.Exit(2)
	}
	command, args := os.Args[1], parse(os.Args[2:])
	if command == "vectors" {
		result, err := runVectors(args.file)
		if err == nil {
			printLine(result)
			return
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := run(command, args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
