"""How JAX is set up in a process of ours, before anything imports what computes with it.

Compiling is most of what a process does before its first result, so compiled programs are kept in
the user's cache: a loop worker that was killed is back in a third of the time.
"""

import os
from importlib.metadata import version
from typing import Final

from platformdirs import user_cache_path

_FLAGS: Final = "XLA_FLAGS"
# The emitters that XLA's CPU backend took up with 0.10 compile our steps half as fast, to code that
# is no faster. A later version may not know the flag, and XLA ends a process for one that it does
# not know.
_FLAGS_OF: Final = {"0.10": "--xla_cpu_use_fusion_emitters=false"}
_WORTH_KEEPING_S: Final = 0.2


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
