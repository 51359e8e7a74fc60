"""A sender and a receiver of version-1 chunked uploads over nats-py, written from the protocol alone."""

import asyncio
from argparse import ArgumentParser, Namespace

import nats
from receive import print_line, receive
from send import bench_send, send
from vectors import run_vectors


def parse() -> Namespace:
    parser = ArgumentParser()
    parser.add_argument("command", choices=["send", "receive", "bench-send", "vectors"])
    parser.add_argument("--url", default="nats://127.0.0.1:4222", help="address of the server")
    parser.add_argument("--subject", default="", help="where the chunks go")
    parser.add_argument("--delivery", choices=["core", "jetstream"], default="core")
    parser.add_argument("--stream", help="the stream to receive from")
    parser.add_argument("--upload-id", default="", help="in the spelling to send")
    parser.add_argument("--filename", default="")
    parser.add_argument("--content-type", default="")
    parser.add_argument("--size", type=int, default=0, help="bytes of the payload")
    parser.add_argument("--seed", type=int, default=0, help="what the payload is made of")
    parser.add_argument("--chunk-size", type=int, default=2_000_000, help="bytes of a chunk")
    parser.add_argument("--uploads", type=int, default=1, help="how many uploads to receive")
    parser.add_argument("--timeout", type=int, default=60, help="longest run in seconds")
    parser.add_argument("--warm-up", type=int, default=0, help="bytes sent before the measured ones")
    parser.add_argument("--in-flight", type=int, default=8, help="publishes under way at a time")
    parser.add_argument("--file", help="the vectors to run")
    parser.add_argument("--backwards", action="store_true", help="send the last chunk first")
    parser.add_argument("--twice", action="store_true", help="send each chunk twice")
    return parser.parse_args()


async def run(args: Namespace) -> None:
    nc = await nats.connect(args.url)
    try:
        if args.command == "receive":
            await receive(nc, args)
        else:
            print_line(await (send if args.command == "send" else bench_send)(nc, args))
    finally:
        await nc.close()


async def main() -> None:
    args = parse()
    if args.command == "vectors":
        return print_line(run_vectors(args.file))
    await asyncio.wait_for(run(args), args.timeout)


asyncio.run(main())
