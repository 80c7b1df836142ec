"""Python: the types of the keyword options, and which constants a name stands for."""

import re
import textwrap
from typing import Dict, List

from header import Member, Struct
from java import class_of

PATH = "bindings/python/horizonlm/_option_types.py"

PURPOSES: Dict[str, str] = {
    "hlm_save_options": "Options of saving a model",
    "hlm_text_options": "Options of what a saved model says of text",
    "hlm_encode_options": "Options of encoding a text",
    "hlm_template_options": "Options of rendering a conversation",
    "hlm_group_options": "Options of joining a group of processes",
    "hlm_plan_options": "Options of a plan",
    "hlm_trainer_options": "Options of a trainer: AdamW and its schedule",
    "hlm_checkpoint_options": "Options of saving a checkpoint",
    "hlm_resume_options": "Options of resuming",
    "hlm_preference_options": "Options of a loss on pairs",
    "hlm_kto_options": "Options of KTO",
    "hlm_policy_options": "Options of a policy-gradient loss",
    "hlm_optimizer_options": "Options of an optimizer on the caller's arrays",
}

# Texts for which None may be given.
OPTIONAL = {"user_data"}

# Texts that are lists with commas.
LISTS = {"device", "freeze", "train_only"}


def _type(member: Member) -> str:
    if member.kind == "text" and member.name.endswith("_json"):
        return "Json"
    if member.kind == "text" and member.name in LISTS:
        return "Names"
    if member.kind == "text":
        return "Optional[str]" if member.name in OPTIONAL else "str"
    return {"choice": "Name", "switch": "bool", "integer": "int", "real": "float"}[member.kind]


def _comment(text: str) -> List[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > 100:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return [f"        # {line}\n" for line in lines]


def _class(struct: Struct) -> str:
    text = f"    class {class_of(struct)}(TypedDict, total=False):\n"
    text += f'        """{PURPOSES[struct.name]}; see {struct.name} in horizon_lm.h."""\n\n'
    for member in struct.settable:
        text += "".join(_comment(member.said("True", "False", "None").replace("`", "")))
        text += f"        {member.name}: {_type(member)}\n"
    return text


def _names(member: Member) -> List[str]:
    return [name.lower().replace("_", "-") for name in member.choices] if member.kind == "choice" else []


def _said(member: Member) -> str:
    """The comment with constants as the strings that stand for them."""
    text = member.said("True", "False", "None").replace("`", "").replace('"', "'" if '"""' in member.comment else '"')
    for name in sorted(_names(member), key=len, reverse=True):
        upper = name.upper().replace("-", "_")
        text = re.sub(rf'(?<!["\w]){upper}(?!["\w])', f'"{name}"', text)
    return text


def _row(member: Member) -> str:
    """What help() says of an option."""
    named = " | ".join(f'"{name}"' for name in _names(member))
    kind = "str or a list" if _type(member) == "Names" else _type(member)
    head = f"{member.name}: {named or kind}" + ("" if member.kind == "choice" else ".")
    lines = textwrap.wrap(f"{head}{':' if named else ''} {_said(member)}", 110, initial_indent="    ", subsequent_indent="        ", break_long_words=False)
    return "\n".join(lines) + "\n"


def _table(struct: Struct) -> str:
    text = f'    "{struct.name}": r"""Options, as keywords:\n\n' + "".join(_row(m) for m in struct.settable)
    return text + '""",\n'


def write(structs: List[Struct]) -> Dict[str, str]:
    """Paths and texts."""
    text = '"""Made by tools/options/generate.py from c_api/horizon_lm.h: change that. Types of keywords, constants that strings name, and tables for docstrings."""\n\n'
    text += "from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Union\n\nif TYPE_CHECKING:\n    from typing import TypedDict\n\n"
    text += "    Name = Union[str, int]\n    Json = Any  # JSON as a text, or what json.dumps makes one of\n"
    text += "    Names = Union[str, Sequence[str]]  # one text with commas, or a list\n\n"
    text += "\n".join(_class(s) for s in structs) + "\n\n"
    text += '# Members whose values have names: a string stands for the constant with this prefix, "bf16" for HLM_DTYPE_BF16.\n'
    text += "PREFIXES: Dict[str, str] = {\n"
    for struct in structs:
        text += "".join(f'    "{struct.name}.{m.name}": "{m.prefix}",\n' for m in struct.settable if m.kind == "choice")
    text += "}\n\n# Members that are one text with commas, and may be given as a list.\n"
    text += f"LISTS = frozenset({sorted(LISTS)})\n".replace("'", '"')
    text += "\n# What docstrings say of the options.\nTABLES: Dict[str, str] = {\n"
    return {PATH: text + "".join(_table(s) for s in structs) + "}\n"}
