"""Reads the options structs of the public header: members, what their comments say, and the constants that they take."""

import re
from dataclasses import dataclass, field
from typing import Dict, List


@dataclass
class Member:
    """A member of an options struct."""

    name: str
    c_type: str  # "int64_t", "const char*"
    comment: str  # in one line, as the header has it
    prefix: str = ""  # of the constants that it takes: "HLM_TIMING_"
    constants: List[str] = field(default_factory=list)  # of that prefix, in order
    counted: bool = False  # a buffer, whose length is the member n_<name>

    @property
    def kind(self) -> str:
        """"text", "choice", "switch", "integer", "real" or "buffer"."""
        if self.counted or (self.c_type.endswith("*") and self.c_type != "const char*"):
            return "buffer"
        if self.c_type == "const char*":
            return "text"
        if self.c_type == "double":
            return "real"
        if self.prefix:
            return "choice"
        return "switch" if re.match(r"1( \(default\))?:", self.comment) else "integer"

    @property
    def choices(self) -> List[str]:
        """The constants that it takes, without their prefix: those that the comment names, or all."""
        named = re.findall(rf"{self.prefix}(\w+)", self.comment)
        return named if named and "..." not in self.comment else [name[len(self.prefix) :] for name in self.constants]

    def said(self, true: str, false: str, null: str) -> str:
        """The comment for a language: its words for 1, 0 and NULL, constants without their prefix, nothing of C's."""
        text = self.comment
        if self.kind == "switch":
            text = re.sub(r"^1( \(default\))?:", lambda m: true + (m.group(1) or "") + ":", text)
            text = re.sub(r"\bdefault ([01])\b", lambda m: "default " + (true if m.group(1) == "1" else false), text)
            text = re.sub(r"; 0( \(default\))?:", lambda m: f"; {false}{m.group(1) or ''}:", text)
        text = re.sub(r";? ?borrowed for the call", "", text)
        text = text.replace("NULL", null)
        if self.prefix:
            text = re.sub(rf":? ?{self.prefix}\.\.\.", "", text).replace(self.prefix, "")
        return text.strip()


@dataclass
class Struct:
    """An options struct."""

    name: str  # "hlm_plan_options"
    members: List[Member]

    @property
    def settable(self) -> List[Member]:
        """The members that a language sets one by one: buffers are arguments of calls, and reserved ones nobody's."""
        return [m for m in self.members if m.kind != "buffer"]


def _constants(header: str) -> Dict[str, List[str]]:
    """The constants of each block of #defines, by what their names begin with."""
    groups: Dict[str, List[str]] = {}
    block: List[str] = []
    for line in header.splitlines() + [""]:
        found = re.match(r"#define (HLM_\w+) \(?-?\d+", line)
        if found:
            block.append(found.group(1))
            continue
        if len(block) > 1:
            common = block[0]
            while not all(name.startswith(common) for name in block):
                common = common[:-1]
            groups[common[: common.rfind("_") + 1]] = block
        block = []
    return groups


def _one_line(comment: str) -> str:
    return re.sub(r"\s+", " ", comment).strip()


def _members(struct: str, body: str) -> List[Member]:
    members: List[Member] = []
    pattern = re.compile(r"\s*(?P<type>(?:const )?\w+\*?)\s+(?P<names>[\w, ]+);[ ]*(?:/\*(?P<comment>.*?)\*/)?", re.S)
    position = 0
    while body[position:].strip():
        found = pattern.match(body, position)
        if not found:
            raise ValueError(f"{struct}: not a member: {body[position:].strip().splitlines()[0]}")
        position = found.end()
        for name in found.group("names").split(","):
            members.append(Member(name.strip(), found.group("type"), _one_line(found.group("comment") or "")))
    return members


def read_options(header: str) -> List[Struct]:
    """The options structs of a header's text, in order."""
    groups = _constants(header)
    structs = []
    for found in re.finditer(r"typedef struct (hlm_\w+_options) \{(.*?)\n\} \1;", header, re.S):
        members = _members(found.group(1), found.group(2))
        counts = {m.name for m in members if m.c_type == "size_t"}
        kept = []
        for m in members:
            if m.c_type == "size_t" or m.name == "reserved":  # struct_size, and the lengths of buffers
                continue
            m.counted = "n_" + m.name in counts
            for prefix in sorted(groups, key=len, reverse=True):
                if m.c_type == "int32_t" and prefix in m.comment:
                    m.prefix, m.constants = prefix, groups[prefix]
                    break
            if not m.comment:
                raise ValueError(f"{found.group(1)}.{m.name} has no comment that says what it is")
            kept.append(m)
        structs.append(Struct(found.group(1), kept))
    return structs
