"""The devices of this machine."""

import json
from typing import Any, Dict, List

from ._load import native


def devices() -> List[Dict[str, Any]]:
    """The devices that can be used, the CPU last; each with "name", "description", "memory_bytes" and more."""
    return list(json.loads(native.hlm_device_list()))


def describe_device(name: str = "auto") -> Dict[str, Any]:
    """The device that `name` ("auto", "cpu", "cuda:0") stands for, with the "reason" for it.

    NotFoundError for a name that is no device, UnavailableError for one that cannot be used here.
    """
    return dict(json.loads(native.hlm_device_describe(name)))


def describe_machine(name: str = "auto") -> Dict[str, Any]:
    """A device and its host as a plan's option machine_json takes them: to plan for this machine elsewhere. Errors as describe_device."""
    return dict(json.loads(native.hlm_device_machine(name)))
