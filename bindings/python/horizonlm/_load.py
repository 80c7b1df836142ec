"""Loads the native module, which finds the libraries that the wheel carries in horizonlm/lib."""

from typing import Any

try:
    from . import _native as _module
except ImportError as error:
    raise ImportError(f"horizonlm: the native library cannot be loaded: {error}") from error

native: Any = _module

if native.hlm_version() != native.hlm_bindings_version():
    raise ImportError(
        f"horizonlm: the package is of version {native.hlm_bindings_version()}, the library that was loaded of version {native.hlm_version()}"
    )
