"""The receiver."""

import hashlib
import json
from argparse import Namespace
from collections.abc import AsyncIterator

from assembler import Assembler, Whole
from chunk_headers import UPLOAD_ID, Refused
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NothingCame


def print_line(value: dict) -> None:
    print(json.dumps(value), flush=True)


async def messages_of(nc: Client, args: Namespace) -> AsyncIterator[Msg]:
    if args.delivery == "jetstream":
        subscription = await nc.jetstream().pull_subscribe(args.subject, stream=args.stream)
        print_line({"ready": True})
        while True:
            try:
                for message in await subscription.fetch(8, timeout=1):
                    yield message
            except NothingCame:
                pass  # the caller bounds the whole
    else:
        subscription = await nc.subscribe(args.subject)
        await nc.flush()
        print_line({"ready": True})
        async for message in subscription.messages:
            yield message


async def receive(nc: Client, args: Namespace) -> None:
    """Prints a line for each upload that has ended, whole or refused."""
    uploads, ended = Assembler(), 0
    messages = messages_of(nc, args)
    while ended < args.uploads:
        message = await anext(messages)
        stored = args.delivery == "jetstream"
        try:
            whole = uploads.push(message.headers, message.data)
        except Refused as refusal:
            if stored:
                await message.term()
            id = (message.headers or {}).get(UPLOAD_ID)
            print_line({"uploadId": id, "refused": str(refusal)})
            ended += 1
            continue
        if stored:
            await message.ack()
        if whole:
            print_whole(whole)
            ended += 1
    await nc.flush()


def print_whole(whole: Whole) -> None:
    print_line({
        "uploadId": whole.id,
        "sha256": hashlib.sha256(whole.data).hexdigest(),
        "size": len(whole.data),
        "chunks": whole.metadata.count,
        "filename": whole.metadata.filename,
        "contentType": whole.metadata.content_type,
    })
