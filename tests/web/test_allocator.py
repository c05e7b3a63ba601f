from __future__ import annotations

import platform
import subprocess
import sys

# Every other of the large blocks is freed, so that what is left of them lies behind each that was.
_HELD_AFTER_FREEING = """
import sys
from proxy.web.allocator import return_large_blocks

def held_mib():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20

told = return_large_blocks() if sys.argv[1] == "told" else None
del [b"x" * (20 << 20)][0]
before = held_mib()
blocks = [(b"x" * (10 << 20), [b"y" * 100 for _ in range(5000)]) for _ in range(8)]
blocks = [small for _, small in blocks]
print(told, held_mib() - before)
"""


def held_after_freeing(told: str) -> tuple[str, float]:
    """Whether the allocator could be told, and the MiB that a process holds more after 80 MiB came and went between small things."""
    command = [sys.executable, "-c", _HELD_AFTER_FREEING, told]
    said, held_mib = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    return said, float(held_mib)


def test_large_blocks_go_back_to_the_system() -> None:
    said, held_mib = held_after_freeing("told")
    has_glibc = platform.libc_ver()[0] == "glibc"
    assert said == str(has_glibc)
    if has_glibc:
        assert held_mib < 20
        assert held_mib < held_after_freeing("untold")[1] - 20
