"""What `/api/pull` says: nothing is ever fetched, for a model is on the upstream or it is not. Pure."""

from __future__ import annotations

import orjson

from proxy.dialects.ollama.records import Record

SUCCESS = b'{"status":"success"}'

_MANIFEST: Record = {"status": "pulling manifest"}
_NO_MANIFEST = b'{"error":"pull model manifest: file does not exist"}'


def pulled_lines(digest: str, size_bytes: int) -> bytes:
    """The lines for a model that is there: those of a pull that finds everything on disk.

    Args:
        digest: 64 hex digits.
        size_bytes: 0 when unknown.
    """
    layer = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": size_bytes, "completed": size_bytes}
    records = (_MANIFEST, layer, {"status": "verifying sha256 digest"}, {"status": "writing manifest"})
    return b"".join(orjson.dumps(record) + b"\n" for record in records) + SUCCESS + b"\n"


def missing_lines() -> bytes:
    """The lines for a model that nobody has; like Ollama, under status 200."""
    return orjson.dumps(_MANIFEST) + b"\n" + _NO_MANIFEST + b"\n"


def render_missing() -> bytes:
    """The same as one error object."""
    return _NO_MANIFEST
