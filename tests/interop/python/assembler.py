"""Puts version-1 uploads together (PROTOCOL 2)."""

from dataclasses import dataclass, field

from chunk_headers import (
    CHUNK_INDEX,
    PAYLOAD_TYPE,
    UPLOAD_ID,
    Metadata,
    Refused,
    number,
    parse_id,
    read_metadata,
)

MAX_CHUNK_SIZE = 8_000_000


@dataclass
class Upload:
    metadata: Metadata
    chunk_size: int
    chunks: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Whole:
    """A payload that has arrived."""

    id: str
    metadata: Metadata
    data: bytes


class Assembler:
    def __init__(self) -> None:
        self.uploads: dict[str, Upload] = {}
        self.ended: set[str] = set()

    def push(self, headers: dict[str, str] | None, body: bytes) -> Whole | None:
        """Takes one message, and returns the payload that it made whole. Raises Refused."""
        if not headers or headers.get(PAYLOAD_TYPE) != "chunked-upload":
            return None
        id = parse_id(headers.get(UPLOAD_ID, ""))
        if id in self.ended:
            return None
        metadata, index = read_metadata(headers), number(headers, CHUNK_INDEX)
        upload = self.uploads.get(id)
        if upload and upload.metadata != metadata:
            first = upload.metadata
            raise Refused(f"chunk {index} says {metadata}, the first one said {first}")
        chunk_size = chunk_size_of(metadata, index, len(body), upload and upload.chunk_size)
        upload = self.uploads.setdefault(id, Upload(metadata, chunk_size))
        upload.chunks.setdefault(index, body)
        return self.finish(id, upload) if len(upload.chunks) == metadata.count else None

    def finish(self, id: str, upload: Upload) -> Whole:
        del self.uploads[id]
        data = b"".join(upload.chunks[index] for index in range(upload.metadata.count))
        if len(data) != upload.metadata.size:
            raise Refused(f"{len(data)} bytes came, wanted are {upload.metadata.size}")
        self.ended.add(id)
        return Whole(id, upload.metadata, data)


def chunk_size_of(metadata: Metadata, index: int, length: int, known: int | None) -> int:
    """The length of all chunks but the last, told by the first one that came. Raises Refused."""
    count, size = metadata.count, metadata.size
    if index >= count:
        raise Refused(f"chunk {index} of {count}")
    is_tail = count > 1 and index == count - 1
    chunk_size = known or ((size - length) // (count - 1) if is_tail else length)
    fits = (
        1 <= chunk_size <= MAX_CHUNK_SIZE
        and -(-size // chunk_size) == count
        and length == min(chunk_size, size - index * chunk_size)
    )
    if not fits:
        raise Refused(f"chunk {index} of {count} has {length} bytes of {size}")
    return chunk_size
