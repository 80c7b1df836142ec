"""Names: what docs/impl.md and docs/words.md write as code is there, and families are known where they are read only."""

import re
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Dict, List, Set

ROOT = Path(sys.argv.pop())
SOURCES = ("*.h", "*.cc", "*.hpp", "*.cu", "*.cuh", "*.py", "*.sh", "BUILD")


def listed(*patterns: str) -> List[str]:
    out = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return out.stdout.split()


def code_in(text: str) -> Set[str]:
    """What stands between single backticks, of a text without its indented and fenced blocks."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return set(re.findall(r"`([^`\n]+)`", text))


def expanded(path: str) -> List[str]:
    """a/{b,c}.cc as a/b.cc and a/c.cc."""
    inner = re.search(r"\{([^{}]*)\}", path)
    if not inner:
        return [path]
    return [path[: inner.start()] + one + path[inner.end() :] for one in inner.group(1).split(",")]


def names_in(code: str) -> Set[str]:
    return set(re.findall(r"[A-Za-z_]\w+", re.sub(r"-", " ", code)))


def missing(text: str, files: Set[str], words: Set[str]) -> List[str]:
    folders = {str(parent) for file in files for parent in Path(file).parents}
    known = files | folders
    stems = {file.rsplit(".", 1)[0] for file in files}
    ends = {Path(file).name for file in files}
    gone = []
    for code in sorted(code_in(text)):
        if code in ends or all(one in known or one in stems for one in expanded(code)):
            continue
        if "/" in code and re.match(r"(core|tests|docs|samples|tools|c_api|cpu_optim|bindings)/", code):
            gone.append(code)
        else:
            gone += [f"{name} in {code}" for name in sorted(names_in(code)) if name not in words]
    return gone


class NamesTest(unittest.TestCase):
    def setUp(self) -> None:
        self.files = set(listed())
        self.assertGreater(len(self.files), 1000, ROOT)
        self.words: Set[str] = set()
        for file in listed(*SOURCES):
            if file.startswith("tests/lint/"):  # which names what is not there
                continue
            self.words.update(re.findall(r"[A-Za-z_]\w+", (ROOT / file).read_text(errors="replace")))

    def test_what_is_named_is_there(self) -> None:
        for page in ("docs/impl.md", "docs/words.md"):
            text = (ROOT / page).read_text()
            self.assertGreater(len(code_in(text)), 1, page)
            self.assertEqual(missing(text, self.files, self.words), [], page)

    def test_what_is_not_there_is_told(self) -> None:
        text = "`core/train/{updater,nothing}.cc` and `core/nowhere`, `Updater::NoSuchName`, `Updater` and `impl.md`\n```\n`InABlock`\n```\n"
        self.assertEqual(
            missing(text, self.files, self.words),
            ["NoSuchName in Updater::NoSuchName", "core/nowhere", "core/train/{updater,nothing}.cc"],
        )


# Rooms that do not know what a family is: a body, a size or a place is all they see.
ENGINE = "cpu cuda data device gloo group layers machine mpi nccl objective plan save store stream train".split()


class FamiliesTest(unittest.TestCase):
    def test_a_family_is_a_file_and_a_line(self) -> None:
        where: Dict[str, Set[str]] = {}
        for file in listed("core/*.cc", "core/*.h", "c_api/*.cc", "samples/horizon/*.cc"):
            for name in re.findall(r"\bk\w+Family\b", (ROOT / file).read_text()):
                where.setdefault(name, set()).add(file)
        self.assertGreater(len(where), 80)
        for name, files in where.items():
            self.assertEqual(len(files - {"core/model/families/families.cc"}), 1, f"{name} in {sorted(files)}")
            self.assertEqual({str(Path(file).parent) for file in files}, {"core/model/families"}, name)

    def test_the_engine_names_none(self) -> None:
        folder = ROOT / "core/model/families"
        types = {
            one
            for file in folder.glob("*.cc")
            for one in re.findall(r'Family k\w+Family = \{\s*"\w+",\s*"(\w+)"', file.read_text())
        }
        self.assertIn("seed_oss", types)
        self.assertGreater(len(types), 80)
        for room in ENGINE:
            for file in listed(f"core/{room}/*"):
                named = types & set(re.findall(r'"(\w+)"', (ROOT / file).read_text(errors="replace")))
                self.assertEqual(named, set(), file)


class JsonTest(unittest.TestCase):
    def test_one_file_knows_the_parser(self) -> None:
        """What is read is a JsonValue, or passes a JsonReader by (core/io)."""
        sources = listed("core/*.cc", "core/*.h", "c_api/*.cc", "c_api/*.h", "cpu_optim/*.cc", "cpu_optim/*.h")
        self.assertGreater(len(sources), 500)
        users = [file for file in sources if "nlohmann" in (ROOT / file).read_text()]
        self.assertEqual(users, ["core/io/json_text.cc"])


# What of the model's mathematics is no part of its identity, and why.
NOT_WRITTEN = {
    "ModelSpec.family": "the architecture names it",
    "ModelSpec.max_positions": "longer documents are legal: nothing that is computed reads it",
    "ModelSpec.initializer_range": "of weights that are drawn, which the checkpoint has",
    "ModelSpec.balance": "a default of the options, which the numerics have",
    "ModelSpec.dropouts": "nothing applies them",
}
# Structs that others write: in whose function, and under which name.
WRITTEN_BY = {
    "AttentionSpec": ("SharedLayerSpec", "l.attention"),
    "MlpSpec": ("SharedLayerSpec", "l.mlp"),
    "QkNormSpec": ("AttentionSpec", "a.qk_norm"),
    "RouterSpec": ("ExpertsSpec", "r"),
    "BranchBody": ("BranchSpec", "item"),
    "TemperatureSpec": ("ModelSpec", "t"),
    "BlockSpec": ("ModelSpec", "block"),
    "HeadSpec": ("ModelSpec", "spec.head"),
    "EmbeddingSpec": ("ModelSpec", "spec.embedding"),
    "LayerInputsSpec": ("ModelSpec", "inputs"),
}


def fields_of(header: str) -> List[str]:
    """The fields of each struct as Struct.field. Functions come behind fields."""
    found = []
    for struct, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", re.sub(r"//.*", "", header), flags=re.M | re.S):
        for one in body.split(";"):
            if "operator" in one:
                continue
            plain = re.sub(r"=\s*(\{[^}]*\}|[^,]+)", "", one)
            field = re.fullmatch(r"\s*[\w:]+(?:<[\w:, ]+>)?\s+(\w+\s*(?:,\s*\w+\s*)*)", plain)
            if field:
                found += [f"{struct}.{name.strip()}" for name in field.group(1).split(",")]
    return found


def written_in(source: str) -> Set[str]:
    """The fields that the functions of spec_json.cc read, as Struct.field."""
    functions = {
        struct: (name, body)
        for struct, name, body in re.findall(
            r"^(?:void Write\(JsonWriter& json, |std::string Whole\()const (\w+)& (\w+)\) \{\n(.*?)^\}",
            source,
            flags=re.M | re.S,
        )
    }
    names = [(struct, struct, name) for struct, (name, _) in functions.items()]
    names += [(struct, by, name) for struct, (by, name) in WRITTEN_BY.items()]
    return {
        f"{struct}.{field}"
        for struct, by, name in names
        for field in re.findall(rf"(?<![\w.]){re.escape(name)}\.(\w+)", functions[by][1])
    }


class IdentityTest(unittest.TestCase):
    def test_every_field_of_a_model_is_in_its_identity(self) -> None:
        fields = fields_of((ROOT / "core/model/spec.h").read_text())
        self.assertGreater(len(fields), 150)
        written = written_in((ROOT / "core/model/spec_json.cc").read_text())
        self.assertEqual(sorted(set(fields) - written), sorted(NOT_WRITTEN))

    def test_a_field_that_is_missing_is_told(self) -> None:
        header = "struct ASpec {\n  int64_t one = 0, two = {};  // of x\n  std::vector<int> three;\n  bool on() const { return one; }\n"
        header += "  bool operator==(const ASpec&) const = default;\n};\n"
        self.assertEqual(fields_of(header), ["ASpec.one", "ASpec.two", "ASpec.three"])


if __name__ == "__main__":
    unittest.main()
