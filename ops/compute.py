"""How JAX and memory are set up in a process of ours, before anything imports what computes.

Compiling is most of what a process does before its first result, so compiled programs are kept in
the user's cache: a loop worker that was killed is back in a third of the time.
"""

import ctypes
import os
from importlib.metadata import version
from typing import Final

from platformdirs import user_cache_path

_FLAGS: Final = "XLA_FLAGS"
# The emitters that XLA's CPU backend took up with 0.10 compile our steps half as fast, to code that
# is no faster. And the backend drops `optimization_barrier` before it decides what to compute
# twice, which is what `physics.fields.flat.hold` is there to prevent. A later version may not know
# a flag, and XLA ends a process for one that it does not know.
_FLAGS_OF: Final = {
    "0.10": "--xla_cpu_use_fusion_emitters=false --xla_disable_hlo_passes=cse_barrier_expander"
}
_WORTH_KEEPING_S: Final = 0.2
# Of mallopt(3): `malloc.h` of the GNU C library.
_TRIM_THRESHOLD, _MAPPED_MOST, _ARENAS_MOST = -1, -4, -8
_NEVER: Final = 2**31 - 1


def keep_memory() -> None:
    """Keep memory that is given back for what asks next, until the process ends.

    Otherwise the C library gets every large block from the system and returns it at once, and the
    system clears each page on first touch: of a heat step of a million boxes that is a fifth. For
    a command that computes and ends; what runs for months had better return what it does not need.
    Does nothing where the C library is not GNU's. Call it before JAX computes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for parameter, value in ((_ARENAS_MOST, 1), (_MAPPED_MOST, 0), (_TRIM_THRESHOLD, _NEVER)):
        mallopt(parameter, value)


def prepare_jax() -> None:
    """Set JAX up for double precision, quick compilation and a lasting cache of programs."""
    flags = _FLAGS_OF.get(".".join(version("jaxlib").split(".")[:2]))
    if flags is not None:
        os.environ.setdefault(_FLAGS, flags)

    import jax

    from physics.precision import require_x64

    folder = user_cache_path("potline") / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(folder))  # type: ignore[no-untyped-call]
    jax.config.update(  # type: ignore[no-untyped-call]
        "jax_persistent_cache_min_compile_time_secs", _WORTH_KEEPING_S
    )
    require_x64()
