"""The documents: a table of each options struct."""

from typing import Dict, List

from header import Member, Struct

TABLES = "docs/options.md"

KINDS = {"text": "text", "choice": "a constant", "switch": "0 or 1", "integer": "whole number", "real": "number", "buffer": "buffer"}

def _values(member: Member) -> str:
    if member.kind != "choice":
        return KINDS[member.kind]
    names = member.choices
    return ", ".join(f"`{name}`" for name in names) if len(names) <= 5 else f"`{member.prefix}...`"


def _table(struct: Struct) -> str:
    text = f"\n## {struct.name}\n\n| member | values | meaning |\n| --- | --- | --- |\n"
    for member in struct.members:
        said = member.said("1", "0", "NULL").replace("|", "\\|")
        text += f"| `{member.name}` | {_values(member)} | {said} |\n"
    return text


def write(structs: List[Struct]) -> Dict[str, str]:
    """Paths and texts."""
    text = "# Options\n\nMade by `tools/options/generate.py` from `c_api/horizon_lm.h`: the options structs as tables. A language\n"
    text += "calls a member by the same name in its own spelling: `batch_size` is `batchSize(...)` of a Java builder, the\n"
    text += "field `BatchSize` in Go, the keyword `batch_size` in Python, the member itself in C and C++. Named constants\n"
    text += "are enumerations in Java and Go, and strings in Python, `\"keep-cheap\"` for `HLM_ACTIVATIONS_KEEP_CHEAP`.\n"
    text += "Buffers are arguments of the calls there.\n"
    text += "".join(_table(s) for s in structs)
    return {TABLES: text}
