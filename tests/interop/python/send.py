"""The sender."""

import asyncio
import hashlib
import time
from argparse import Namespace
from collections.abc import Iterator

from chunk_headers import (
    CHUNK_COUNT,
    CHUNK_INDEX,
    CONTENT_TYPE,
    FILENAME,
    PAYLOAD_TYPE,
    TOTAL_SIZE,
    UPLOAD_ID,
    parse_id,
)
from nats.aio.client import Client
from payload import payload


def cut(args: Namespace, data: bytes) -> Iterator[tuple[dict[str, str], bytes]]:
    """Cuts a payload into the messages of PROTOCOL 1."""
    count = max(1, -(-len(data) // args.chunk_size))
    order = reversed(range(count)) if args.backwards else range(count)
    for index in order:
        headers = {
            PAYLOAD_TYPE: "chunked-upload",
            UPLOAD_ID: args.upload_id,
            CHUNK_INDEX: str(index),
            CHUNK_COUNT: str(count),
            TOTAL_SIZE: str(len(data)),
        }
        if args.filename:
            headers[FILENAME] = args.filename
        if args.content_type:
            headers[CONTENT_TYPE] = args.content_type
        yield headers, data[index * args.chunk_size : (index + 1) * args.chunk_size]


async def send(nc: Client, args: Namespace) -> dict:
    data = payload(args.size, args.seed)
    js = nc.jetstream()
    id = parse_id(args.upload_id)
    chunks = 0
    for headers, body in cut(args, data):
        chunks += 1
        for _ in range(2 if args.twice else 1):
            if args.delivery == "jetstream":
                message_id = {"Nats-Msg-Id": f"{id}:{headers[CHUNK_INDEX]}"}
                await js.publish(args.subject, body, timeout=args.timeout, headers=headers | message_id)
            else:
                await nc.publish(args.subject, body, headers=headers)
    await nc.flush(args.timeout)
    return {
        "uploadId": args.upload_id,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "chunks": chunks,
    }


async def bench_send(nc: Client, args: Namespace) -> dict:
    """Publishes to a stream with some publishes in flight, and says how fast that was after a warm-up."""
    js = nc.jetstream(publish_async_max_pending=args.in_flight)

    async def publish(size: int) -> float:
        chunks = list(cut(args, payload(size, args.seed)))
        start = time.perf_counter()
        acks = [
            await js.publish_async(args.subject, body, wait_stall=args.timeout, headers=headers)
            for headers, body in chunks
        ]
        await asyncio.gather(*acks)
        return time.perf_counter() - start

    if args.warm_up:
        await publish(args.warm_up)
    seconds = await publish(args.size)
    return {"bytes": args.size, "ms": seconds * 1_000, "bytesPerSecond": args.size / seconds}
