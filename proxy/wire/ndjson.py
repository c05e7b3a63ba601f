"""Lines of newline-delimited JSON, as every client reads them. No I/O."""

from __future__ import annotations


def line_safe(json_text: bytes) -> bytes:
    """`json_text` with U+2028, U+2029 and U+0085 escaped: httpx, and so the Python client of Ollama, takes each of them for a line end.

    They can stand in JSON strings only, so the value stays the same. Source: httpx `LineDecoder`, which splits as `str.splitlines` does.
    """
    if json_text.isascii():
        return json_text
    return json_text.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029").replace(b"\xc2\x85", rb"\u0085")
