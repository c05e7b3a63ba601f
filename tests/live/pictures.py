"""A picture to send: a PNG of one pixel."""

from __future__ import annotations

import base64

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
PNG_BASE64 = base64.b64encode(PNG).decode()
