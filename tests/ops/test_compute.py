"""How a process of ours is set up, asked of a process."""

import json
import os
import platform
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from physics.fields.flat import hold

# Two blocks of 64 MiB one after the other, written to: pages that the system had to give for each.
_TOUCH_TWICE = """
import ctypes, json, resource, sys
if sys.argv[1] == "keep":
    from ops.compute import keep_memory
    keep_memory()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
size, given = 64 * 2**20, []
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = library.malloc(ctypes.c_size_t(size))
    ctypes.memset(block, 1, size)
    given.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    library.free(block)
print(json.dumps(given))
"""


def count_pages(how: str) -> list[int]:
    process = subprocess.run(
        [sys.executable, "-c", _TOUCH_TWICE, how],
        env={name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"},
        capture_output=True,
        text=True,
        check=True,
    )
    pages: list[int] = json.loads(process.stdout)
    return pages


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is the GNU C library's")
def test_memory_that_was_given_back_is_there_for_what_asks_next() -> None:
    first, second = count_pages("keep")
    assert first > 1000
    assert second < 0.01 * first
    first, second = count_pages("as usual")
    assert second > 0.9 * first, "otherwise there is nothing to keep memory for"


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the flag is of the CPU's backend")
def test_what_is_held_is_not_computed_for_every_reader() -> None:
    """The compiler keeps the barrier: where XLA's pass has another name it drops it silently."""

    def read_twice(row: jax.Array) -> jax.Array:
        held = hold(2.0 * row + 1.0)
        return held[2:] * held[:-2]

    program = jax.jit(read_twice).lower(jnp.ones(64)).compile().as_text()
    assert program is not None
    assert "opt-barrier" in program, "see _FLAGS_OF in ops/compute.py, and XLA_FLAGS if you set it"
