"""Runs the test vectors that a receiver of version 1 alone can run."""

import base64
import hashlib
import json

from assembler import Assembler
from chunk_headers import Refused

# What version 1 knows nothing of, or this receiver has no bounds for.
EXTENSIONS = ("limits", "raw", "answer", "then", "X-Payload-Digest", "chunked-ask", '["X-Total-Size", "0"]')


def body_of(spec: dict) -> bytes:
    positions = range(spec["from"], spec["from"] + spec["length"])
    return bytes((p * 7 + spec["seed"] * 13 + p // 256) & 0xFF for p in positions)


def is_version_1(vector: dict) -> bool:
    text = json.dumps(vector)
    return not any((f'"{word}"' if word[0] != "[" else word) in text for word in EXTENSIONS)


def outcome(assembler: Assembler, message: dict) -> dict:
    """What becomes of a message; this receiver does not tell a repeat from a new chunk."""
    headers = message["headers"] and dict(message["headers"])
    try:
        whole = assembler.push(headers, body_of(message["body"]))
    except Refused:
        return {"result": "refused"}
    if whole is None:
        return {"result": "taken"}
    digest = base64.urlsafe_b64encode(hashlib.sha256(whole.data).digest()).decode()
    return {
        "result": "complete",
        "uploadId": whole.id,
        "size": len(whole.data),
        "digest": f"SHA-256={digest}",
        "filename": whole.metadata.filename or None,
        "contentType": whole.metadata.content_type or None,
    }


def wanted(expect: dict) -> dict:
    if expect["result"] in ("ignored", "accepted", "duplicate"):
        return {"result": "taken"}
    if expect["result"] == "refused":
        return {"result": "refused"}
    return {name: value for name, value in expect.items() if name != "headers"}


def run_vectors(path: str) -> dict:
    with open(path, encoding="utf-8") as file:
        vectors = [vector for vector in json.load(file)["vectors"] if is_version_1(vector)]
    differences, messages = [], 0
    for vector in vectors:
        assembler = Assembler()
        for message in vector["messages"]:
            messages += 1
            found, expected = outcome(assembler, message), wanted(message["expect"])
            if found != expected:
                differences.append({"vector": vector["name"], "found": found, "wanted": expected})
    return {"vectors": len(vectors), "messages": messages, "differences": differences}
