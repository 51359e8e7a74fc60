"""The bytes that every peer makes of the same size and seed."""

import hashlib

BLOCK = 65_536


def payload(size: int, seed: int) -> bytes:
    """A block of SHA-256 sums of "seed:0", "seed:1" and so on, over and over, each copy with its number in its first
    eight bytes."""
    sums = (hashlib.sha256(f"{seed}:{i}".encode()).digest() for i in range(BLOCK // 32))
    rest = b"".join(sums)[8:]
    blocks = -(-size // BLOCK)
    return b"".join(number.to_bytes(8, "big") + rest for number in range(blocks))[:size]
