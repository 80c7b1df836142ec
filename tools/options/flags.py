"""The command: a flag for each member of hlm_plan_options that a user may force, in plain C++."""

import re
from typing import Dict, List

from header import Member, Struct

FOLDER = "samples/horizon/options/"

# Said by flags of other names or meanings, or by the data.
LEFT_OUT = {
    "device",
    "purpose",
    "batch_size",
    "seq_len",
    "grad_clip",
    "optimizer",
    "states",
    "master",
    "optimizer_timing",
    "snapshot_bytes",
    "machine_json",
    "numerics_json",
    "frozen_copies",
    "processes",
}
# Under which heading of --help; the others are the plan's.
GROUPS = {
    "micro_batch": "Shape",
    "sweeps": "Shape",
    "reduction_groups": "Shape",
    "compute": "Machine",
    "threads": "Machine",
    "optimizer_threads": "Machine",
    "host_limit_bytes": "Machine",
    "device_limit_bytes": "Machine",
}

HEAD = "// Made by tools/options/generate.py from c_api/horizon_lm.h: change that.\n"
H_PATH, CC_PATH = FOLDER + "plan_flags.h", FOLDER + "plan_flags.cc"
GUARD = "HORIZON_LM_SAMPLES_HORIZON_OPTIONS_PLAN_FLAGS_H_"


def _word(constant: str) -> str:
    return constant.lower().replace("_", "-")


def _choices(member: Member) -> List[str]:
    """Constants without their prefix: those that the comment names, or all of them."""
    if "..." in member.comment:
        return [name[len(member.prefix) :] for name in member.constants]
    return re.findall(rf"{member.prefix}([A-Z0-9_]+)", member.comment)


def _least(member: Member) -> int:
    """The least value of a number's flag: the one below it stands for "chosen"."""
    return 0 if re.search(r"-1: ", member.comment) else 1


def _default(member: Member) -> str:
    if member.kind == "switch":
        return "0"
    if member.kind == "text":
        return "{}"
    if member.kind == "integer":
        return str(_least(member) - 1)
    if member.kind == "real":
        return "-1" if "below 0 (default)" in member.comment else "0"
    found = re.search(r"\bdefault ([A-Z0-9_]+)", member.comment) or re.search(rf"{member.prefix}([A-Z0-9_]+) \(default\)", member.comment)
    return member.prefix + found.group(1) if found else "-1"


def _help(member: Member) -> str:
    said = member.said("1", "0", "NULL").replace("`", "")
    said = re.sub(r"\. \w[^.]*$", "", said)  # what else there is to know stands in the header
    if member.kind == "switch":
        return re.sub(r"; default 0(: [^;]*)?", "", re.sub(r"^1: ", "", said)).replace('"', '\\"')
    if member.kind == "text":
        said = re.sub(r"; NULL \(default\): [^;]*", "", said)
    if member.kind == "choice":
        said = re.sub(r": \w+(?: \(default\))?(?:, \w+)* or \w+", "", said)
        said = re.sub(r"; default \w+(?=;|$)", "", said)
    found = re.search(r";? ?(?:0|-1): ([^;(]+?)(?: \(default\))?(?=;|$)", said)
    if found:
        chosen = "by plan" if found.group(1) == "chosen" else found.group(1).strip()
        said = (said[: found.start()] + said[found.end() :]).strip() + f" (default: {chosen})"
    return said.replace('"', '\\"')


def _add(member: Member) -> str:
    flag = "--" + member.name.replace("_", "-")
    if member.kind == "choice":
        choices = ", ".join(f'{{"{_word(name)}", {member.prefix}{name}}}' for name in _choices(member))
        call = f'AddChoice(app, "{flag}", flags.{member.name}, {{{choices}}},\n            "{_help(member)}")'
    elif member.kind == "switch":
        call = f'AddSwitch(app, "{flag}", flags.{member.name},\n            "{_help(member)}")'
    elif member.kind == "text":
        what = "PATTERNS" if member.comment.startswith("patterns") else "TEXT"
        call = f'AddText(app, "{flag}", flags.{member.name}, "{what}",\n            "{_help(member)}")'
    elif member.kind == "real":
        call = f'AddReal(app, "{flag}", flags.{member.name}, {_default(member)}, kNoLimit,\n            "{_help(member)}")'
    else:
        as_bytes = ", true" if member.name.endswith("_bytes") else ""
        call = f'AddNumber(app, "{flag}", flags.{member.name}, {_least(member)},\n            "{_help(member)}"{as_bytes})'
    return f"  {call}\n      ->group(group);\n"


def _value(member: Member) -> str:
    """For the library, which gets a text that is not given as NULL and borrows the others."""
    own = f"flags.{member.name}"
    return f"{own}.empty() ? nullptr : {own}.c_str()" if member.kind == "text" else own


def write(structs: List[Struct]) -> Dict[str, str]:
    """Paths and texts."""
    plan = next(s for s in structs if s.name == "hlm_plan_options")
    members = [m for m in plan.settable if m.name not in LEFT_OUT]
    for m in members:
        if m.kind not in ("choice", "integer", "switch", "real", "text"):
            raise ValueError(f"hlm_plan_options.{m.name} is a {m.kind}: such a flag is not written yet; LEFT_OUT leaves it to a hand-written one")
    groups = ["Shape", "Machine", "Plan"]
    h = HEAD + f"#ifndef {GUARD}\n#define {GUARD}\n\n#include <cstdint>\n#include <string>\n\n#include \"c_api/horizon_lm.h\"\n\n"
    h += "namespace CLI {\nclass App;\n}\n\nnamespace horizon {\n\n"
    h += "// Members of hlm_plan_options that a flag of the same name forces. What stands for \"chosen\" is the library's default.\nstruct PlanFlags {\n"
    h += "".join(f"  {'std::string' if m.kind == 'text' else m.c_type} {m.name} = {_default(m)};\n" for m in members) + "};\n\n// Each adds the flags under one heading of --help.\n"
    h += "".join(f"void Add{g}Flags(CLI::App& app, PlanFlags& flags, const std::string& group);\n" for g in groups)
    h += "\nvoid SetPlanOptions(const PlanFlags& flags, hlm_plan_options& options);\n\n}  // namespace horizon\n\n#endif  // " + GUARD + "\n"

    cc = HEAD + f'#include "{H_PATH}"\n\n#include "{FOLDER}option_kinds.h"\n\n// clang-format off\nnamespace horizon {{\n'
    for g in groups:
        cc += f"\nvoid Add{g}Flags(CLI::App& app, PlanFlags& flags, const std::string& group) {{\n"
        cc += "".join(_add(m) for m in members if GROUPS.get(m.name, "Plan") == g) + "}\n"
    cc += "\nvoid SetPlanOptions(const PlanFlags& flags, hlm_plan_options& options) {\n"
    cc += "".join(f"  options.{m.name} = {_value(m)};\n" for m in members) + "}\n\n}  // namespace horizon\n"
    return {H_PATH: h, CC_PATH: cc}
