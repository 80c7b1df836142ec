"""Java: one class with a builder for each options struct."""

import re
from typing import Dict, List, Tuple

from header import Member, Struct

FOLDER = "bindings/java/src/main/java/org/horizonlm/"

# What a class is for; every options struct has a line here.
PURPOSES: Dict[str, str] = {
    "hlm_save_options": "Options of saving a model",
    "hlm_text_options": "Options of what a saved model says of text",
    "hlm_encode_options": "Options of encoding by a {@link Tokenizer}",
    "hlm_template_options": "Options of rendering by a {@link Template}",
    "hlm_group_options": "Options of joining a group of processes",
    "hlm_plan_options": "Options of a {@link Plan}",
    "hlm_trainer_options": "Options of a {@link Trainer}: AdamW and its schedule",
    "hlm_checkpoint_options": "Options of saving a checkpoint",
    "hlm_resume_options": "Options of resuming",
    "hlm_preference_options": "Options of a loss on pairs",
    "hlm_kto_options": "Options of KTO",
    "hlm_policy_options": "Options of a policy's loss",
    "hlm_optimizer_options": "Options of an {@link Optimizer}",
}

# Enumerations that are not called as the constants begin.
ENUMERATIONS: Dict[str, str] = {
    "HLM_DTYPE_": "DType",
    "HLM_KL_": "KlEstimator",
    "HLM_OFFSETS_": "OffsetUnit",
    "HLM_OPTIMIZER_": "OptimizerAlgorithm",
    "HLM_PATH_": "OptimizerPath",
    "HLM_POLICY_": "PolicyKind",
}

# Where Java begins with another value than C: the call that sets it, and what the documentation says.
DEFAULTS: Dict[str, Tuple[str, str]] = {
    "hlm_encode_options.offsets_in": ("offsetsIn(OffsetUnit.UTF16)", "what offsets count; default UTF16, as String does"),
}

# Buffers that belong to the options and not to the call: what the parameter is called.
BUFFERS: Dict[str, str] = {"hlm_encode_options.plain": "spans"}


def camel(name: str, first_upper: bool = False) -> str:
    """snake_case as Java writes it."""
    words = name.split("_")
    return (words[0].capitalize() if first_upper else words[0]) + "".join(word.capitalize() for word in words[1:])


def class_of(struct: Struct) -> str:
    """"PlanOptions"."""
    return camel(struct.name[len("hlm_") :], first_upper=True)


def _enumeration(prefix: str) -> str:
    return ENUMERATIONS.get(prefix, camel(prefix[len("HLM_") : -1].lower(), first_upper=True))


def _document(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "&#64;"), ("`", "")):
        text = text.replace(character, entity)
    return text


def _wrap(text: str) -> List[str]:
    """Lines of a comment that are not wider than the rest of the file."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > 110:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def _setter(struct: Struct, member: Member) -> str:
    key = f"{struct.name}.{member.name}"
    said = DEFAULTS[key][1] if key in DEFAULTS else member.said("true", "false", "null")
    if member.kind == "buffer":
        said = re.sub(r"^\[\w+\] ", "", said)
        said = re.sub(r"\. [^.]*\bnull with 0.*$", "", said)
    parameter, argument, before, value = "value", "value", "", "struct, value"
    if member.kind == "text":
        argument, before, value = "String value", f'byte[] text = Text.encode(value, "{camel(member.name)}");', "struct, text"
    elif member.kind == "choice":
        argument = f"{_enumeration(member.prefix)} value"
        before, value = f'Arguments.given(value, "{camel(member.name)}");', "struct, value.value()"
    elif member.kind == "switch":
        argument, value = "boolean value", "struct, value ? 1 : 0"
    elif member.kind == "integer":
        argument = ("int" if member.c_type == "int32_t" else "long") + " value"
    elif member.kind == "real":
        argument = "double value"
    else:
        parameter = BUFFERS[key]
        argument = f"long... {parameter}"
    lines = ["", "    /**", f"     * Sets {member.name}.", "     *"]
    said_lines = _wrap(f"@param {parameter} {_document(said)}")
    lines += [f"     * {said_lines[0]}"] + [f"     *     {line}" for line in said_lines[1:]]
    lines += ["     * @return this", "     */", f"    public Builder {camel(member.name)}({argument}) {{"]
    if member.kind == "buffer":
        lines.append(f'      {camel(member.name)} = Buffers.longs(Arguments.given({parameter}, "{parameter}"));')
    else:
        lines += [f"      {before}"] if before else []
        lines.append(f"      setters.add(struct -> Native.{struct.name}_{member.name}_set({value}));")
    return "\n".join(lines + ["      return this;", "    }"]) + "\n"


def write(structs: List[Struct]) -> Dict[str, str]:
    """Paths and texts."""
    return {f"{FOLDER}{class_of(struct)}.java": _class(struct) for struct in structs}


def _class(struct: Struct) -> str:
    name = class_of(struct)
    buffers = [m for m in struct.members if f"{struct.name}.{m.name}" in BUFFERS]
    begins = [call for key, (call, _) in DEFAULTS.items() if key.startswith(struct.name + ".")]
    imports = ["java.nio.LongBuffer"] if buffers else []
    text = "// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.\npackage org.horizonlm;\n\n"
    text += "".join(f"import {one};\n" for one in imports) + "import org.horizonlm.internal.Native;\n\n"
    text += f"/** {PURPOSES[struct.name]}; what is not set keeps the default of the library. */\n"
    text += f"public final class {name} extends Options {{\n"
    text += "".join(f"  private final LongBuffer {camel(m.name)};\n" for m in buffers) + ("\n" if buffers else "")
    text += f"  private {name}(Builder builder) {{\n    super(builder.setters);\n"
    text += "".join(f"    {camel(m.name)} = builder.{camel(m.name)};\n" for m in buffers) + "  }\n\n"
    text += "  /**\n   * Begins with the defaults.\n   *\n   * @return a builder\n   */\n"
    text += "  public static Builder builder() {\n    return new Builder();\n  }\n\n"
    for m in buffers:
        text += f"  LongBuffer {camel(m.name)}() {{\n    return {camel(m.name)};\n  }}\n\n"
    text += f"  @Override\n  long create() {{\n    return Native.new_{struct.name}();\n  }}\n\n"
    text += f"  @Override\n  void delete(long struct) {{\n    Native.delete_{struct.name}(struct);\n  }}\n\n"
    text += f"  /** Collects options. A method sets the member of {struct.name} of its name. */\n"
    text += "  public static final class Builder {\n    private final Setters setters = new Setters();\n"
    text += "".join(f"    private LongBuffer {camel(m.name)};\n" for m in buffers)
    if begins:
        text += "\n    private Builder() {\n" + "".join(f"      {call};\n" for call in begins) + "    }\n"
    else:
        text += "\n    private Builder() {}\n"
    text += "".join(_setter(struct, m) for m in struct.settable + buffers)
    text += "\n    /**\n     * The options that were collected.\n     *\n     * @return the options\n     */\n"
    return text + f"    public {name} build() {{\n      return new {name}(this);\n    }}\n  }}\n}}\n"
