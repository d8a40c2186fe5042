"""Large blocks go back to the system as soon as they are free."""

import subprocess
import sys

PROBE = """
import sys
from daemon.memory import LARGE_BLOCK_BYTES, return_large_blocks
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) * 1024
done = sys.argv[1] == "fixed" and return_large_blocks()
size = 2 * LARGE_BLOCK_BYTES
between = []
bytearray(b"x") * size  # freed at once: glibc raises its limit here
before = resident()
blocks = [bytearray(b"x") * size for _ in range(6)]
for _ in range(6):
    between.append(bytearray(b"y") * 100_000)
blocks.clear()
print(done, resident() - before)
"""


def kept(how: str) -> tuple[str, int]:
    done, left = subprocess.run(
        [sys.executable, "-c", PROBE, how], capture_output=True, text=True, check=True
    ).stdout.split()
    return done, int(left)


def test_what_was_taken_in_large_blocks_goes_back_although_small_ones_lie_between() -> None:
    done, left = kept("fixed")
    assert left < 10_000_000
    if done == "True":  # glibc
        assert left < kept("as it is")[1]
