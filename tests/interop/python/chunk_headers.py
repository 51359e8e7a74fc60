"""The headers of PROTOCOL 1."""

import re
import unicodedata
from typing import NamedTuple

PAYLOAD_TYPE = "X-Payload-Type"
UPLOAD_ID = "X-Chunked-Upload-Id"
CHUNK_INDEX = "X-Chunk-Index"
CHUNK_COUNT = "X-Chunk-Count"
TOTAL_SIZE = "X-Total-Size"
FILENAME = "X-Filename"
CONTENT_TYPE = "X-Content-Type"

MAX_SAFE_INTEGER = 2**53 - 1
MAX_FILENAME_BYTES = 1_024
HYPHENATED = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})")
PLAIN = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")


class Refused(Exception):
    """A chunk that is not what the protocol says."""


class Metadata(NamedTuple):
    """What every chunk of an upload repeats."""

    count: int
    size: int
    filename: str
    content_type: str


def number(headers: dict[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not re.fullmatch(r"[0-9]+", text) or int(text) > MAX_SAFE_INTEGER:
        raise Refused(f"{name} is {text!r}")
    return int(text)


def parse_id(text: str) -> str:
    """The lower-case hyphenated form of an id in any spelling of a UUID."""
    bare = text.lower()
    if bare.startswith("urn:uuid:"):
        bare = bare[len("urn:uuid:") :]
    elif bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1]
    for spelling in (HYPHENATED, PLAIN):
        if parts := spelling.fullmatch(bare):
            return "-".join(parts.groups())
    raise Refused(f"{UPLOAD_ID} is {text!r}")


def read_metadata(headers: dict[str, str]) -> Metadata:
    count, size = number(headers, CHUNK_COUNT), number(headers, TOTAL_SIZE)
    if size == 0:
        raise Refused("total size 0")
    if not 1 <= count <= size:
        raise Refused(f"{CHUNK_COUNT} is {count} for {size} bytes")
    filename = headers.get(FILENAME, "")
    has_control = any(unicodedata.category(character) == "Cc" for character in filename)
    if has_control or len(filename.encode()) > MAX_FILENAME_BYTES:
        raise Refused(f"{FILENAME} is {filename!r}")
    return Metadata(count, size, filename, headers.get(CONTENT_TYPE, ""))
