"""C#: a class with a property for each option, and the enumerations of their constants."""

import re
import textwrap
from typing import Dict, List

from header import Member, Struct
from java import ENUMERATIONS as JAVA, camel

OPTIONS = "bindings/csharp/src/Options.cs"
CONSTANTS = "bindings/csharp/src/Enumerations.cs"

# What a class is for; every options struct has a line here.
PURPOSES: Dict[str, str] = {
    "hlm_save_options": "Options of saving a model",
    "hlm_text_options": "Options of what a saved model says of text",
    "hlm_encode_options": "Options of encoding by a Tokenizer",
    "hlm_template_options": "Options of rendering by a Template",
    "hlm_group_options": "Options of joining a group of processes",
    "hlm_plan_options": "Options of a Plan",
    "hlm_trainer_options": "Options of a Trainer: AdamW and its schedule",
    "hlm_checkpoint_options": "Options of saving a checkpoint",
    "hlm_resume_options": "Options of resuming",
    "hlm_preference_options": "Options of a loss on pairs",
    "hlm_kto_options": "Options of KTO",
    "hlm_policy_options": "Options of a policy's loss",
    "hlm_optimizer_options": "Options of an Optimizer",
}

# Where C# begins with another value than C: the value, and what the documentation says.
DEFAULTS = {"hlm_encode_options.offsets_in": ("OffsetUnit.Utf16", "what offsets count; default Utf16, as string does")}

# Buffers that belong to the options and not to the call.
BUFFERS = {"hlm_encode_options.plain"}

# Words that are not written as others are.
WORDS = {"DTYPE": "DType", "F32": "F32", "BF16": "BF16", "F16": "F16", "ADAMW": "AdamW", "SGD": "Sgd", "ONEDNN": "OneDnn"}

HEAD = "// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.\n"


def pascal(name: str) -> str:
    """snake_case or CONSTANT_CASE as C# writes it."""
    return "".join(WORDS.get(word.upper(), word.capitalize()) for word in name.split("_"))


def enumeration(prefix: str) -> str:
    """The name of the enumeration of the constants that begin so."""
    return JAVA.get(prefix, camel(prefix[len("HLM_") : -1].lower(), first_upper=True))


def _summary(text: str, indent: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("`", "")):
        text = text.replace(character, entity)
    lines = textwrap.wrap(f"<summary>{text}</summary>", 120, break_long_words=False, break_on_hyphens=False)
    return "".join(f"{indent}/// {line}\n" for line in lines)


def _said(struct: Struct, member: Member) -> str:
    key = f"{struct.name}.{member.name}"
    if key in DEFAULTS:
        return DEFAULTS[key][1]
    text = member.said("true", "false", "null")
    for name in sorted(member.choices if member.kind == "choice" else [], key=len, reverse=True):
        text = re.sub(rf'(?<!["\w]){name}(?!["\w])', pascal(name), text)
    return text


def _type(member: Member) -> str:
    if member.kind == "choice":
        return enumeration(member.prefix) + "?"
    if member.kind == "integer":
        return "int?" if member.c_type == "int32_t" else "long?"
    return {"text": "string", "switch": "bool?", "real": "double?"}[member.kind]


def _property(struct: Struct, member: Member) -> str:
    begins = DEFAULTS.get(f"{struct.name}.{member.name}")
    end = f" = {begins[0]};" if begins else ""
    return _summary(_said(struct, member), "    ") + f"    public {_type(member)} {pascal(member.name)} {{ get; set; }}{end}\n\n"


def _write(struct: Struct, member: Member) -> str:
    name, setter = pascal(member.name), f"Native.{struct.name}_{member.name}_set"
    if member.kind == "text":
        return f'      if ({name} != null) {setter}(options, Text.Encode({name}, nameof({name})));\n'
    value = {"choice": f"(int){name}.Value", "switch": f"{name}.Value ? 1 : 0"}.get(member.kind, f"{name}.Value")
    return f"      if ({name}.HasValue) {setter}(options, {value});\n"


def _class(struct: Struct) -> str:
    name = pascal(struct.name[len("hlm_") :])
    text = _summary(f"{PURPOSES[struct.name]}. A property that is null, as all are at first, is the library's default.", "  ")
    text += f"  public sealed class {name} : Options {{\n"
    text += "".join(_property(struct, m) for m in struct.settable)
    for m in struct.members:
        if f"{struct.name}.{m.name}" in BUFFERS:
            text += _summary(m.said("true", "false", "null"), "    ") + f"    public long[] {pascal(m.name)} {{ get; set; }}\n\n"
    text += f"    internal override IntPtr Create() {{\n      return Native.new_{struct.name}();\n    }}\n\n"
    text += f"    internal override void Delete(IntPtr options) {{\n      Native.delete_{struct.name}(options);\n    }}\n\n"
    text += "    internal override void Write(IntPtr options) {\n" + "".join(_write(struct, m) for m in struct.settable) + "    }\n  }\n"
    return text


def _enumerations(structs: List[Struct]) -> str:
    seen: Dict[str, Member] = {}
    for struct in structs:
        for member in struct.settable:
            if member.kind == "choice":
                seen.setdefault(member.prefix, member)
    texts = []
    for prefix, member in seen.items():
        text = _summary(f"The constants {prefix}... of horizon_lm.h, which explains each.", "  ") + f"  public enum {enumeration(prefix)} {{\n"
        for constant in member.constants:
            text += _summary(constant, "    ") + f"    {pascal(constant[len(prefix):])} = Native.{constant},\n"
        texts.append(text + "  }\n")
    return HEAD + "using HorizonLM.Internal;\n\nnamespace HorizonLM {\n" + "\n".join(texts) + "}\n"


def write(structs: List[Struct]) -> Dict[str, str]:
    """Paths and texts."""
    options = HEAD + "using System;\nusing HorizonLM.Internal;\n\nnamespace HorizonLM {\n" + "\n".join(_class(s) for s in structs) + "}\n"
    return {OPTIONS: options, CONSTANTS: _enumerations(structs)}
