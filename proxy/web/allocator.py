"""How a worker's memory goes back to the system after large requests.

glibc takes the first large block that is freed for a sign that more will be needed: from then on it cuts blocks of that size out of its
heap, where whatever was allocated after them keeps them from going back. A worker that has handled a picture of 10 MiB would hold on to
two or three times that, and take three times a picture for the next one, of which two are in use.

Source: `man 3 mallopt`, M_MMAP_THRESHOLD.
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE_BYTES = 1024 * 1024


def return_large_blocks() -> bool:
    """Gives each large block back to the system when it is freed. Whether that can be told to this system's C library."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False  # Only glibc has it, and only glibc needs it.
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES) and mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE_BYTES))
