"""Lines of the documents are 110 characters or less, and the tool that wraps them changes nothing else."""

import sys
import unittest
from pathlib import Path
from typing import List

sys.path.insert(0, "tools/docs")

import wrap  # noqa: E402

WORD = "word" * 3


def documents() -> List[Path]:
    return [path for path in sorted(Path(".").rglob("*.md")) if "bazel-" not in str(path)]


class LinesTest(unittest.TestCase):
    def test_no_line_of_a_document_is_too_long(self) -> None:
        found = documents()
        self.assertIn(Path("README.md"), found)
        self.assertIn(Path("docs/impl.md"), found)
        long = [f"{path}:{n}" for path in found for n in wrap.long_lines(path.read_text())]
        self.assertEqual(long, [], "run tools/docs/wrap.py on these files")

    def test_wrapping_is_done_when_it_is_done(self) -> None:
        for path in documents():
            text = path.read_text()
            self.assertEqual(wrap.wrap(wrap.wrap(text)), wrap.wrap(text), path)


class WrapTest(unittest.TestCase):
    def wrapped(self, text: str) -> str:
        out = wrap.wrap(text)
        self.assertEqual(out.split(), text.split())
        return out

    def test_a_paragraph(self) -> None:
        out = self.wrapped(f"Short.\n\n{' '.join([WORD] * 20)}\n{WORD}\n")
        lines = out.split("\n")
        self.assertEqual(lines[:2], ["Short.", ""])
        self.assertTrue(all(len(line) <= wrap.WIDTH for line in lines))
        self.assertGreater(len(lines[2]), wrap.WIDTH - len(WORD) - 1)

    def test_a_paragraph_without_long_lines_stays(self) -> None:
        text = "One.\nTwo.\n- three\n  four\n"
        self.assertEqual(self.wrapped(text), text)

    def test_an_item_keeps_its_indentation(self) -> None:
        out = self.wrapped(f"- {' '.join([WORD] * 12)}\n- b\n  10. {' '.join([WORD] * 12)}\n").split("\n")
        self.assertTrue(out[1].startswith("  word") and not out[1].startswith("   "), out)
        self.assertEqual(out[2], "- b")
        self.assertTrue(out[4].startswith("      word"), out)

    def test_tables_code_and_headings_stay(self) -> None:
        long = " ".join([WORD] * 20)
        text = f"# {long}\n\n| {long} |\n\n```\n{long}\n```\n\n    {long}\n\n<p>{long}\n"
        self.assertEqual(self.wrapped(text), text)

    def test_code_in_a_line_is_not_broken(self) -> None:
        code = "`" + " ".join([WORD] * 7) + "`"
        out = self.wrapped(f"{WORD} {WORD} {code} {WORD}\n")
        self.assertIn("\n" + code, out)

    def test_no_line_begins_as_something_else(self) -> None:
        filler = "a" * (wrap.WIDTH - 1)
        for begin in ("-", "1.", "#", "|"):
            for line in self.wrapped(f"{filler} {begin} b c d\n").split("\n")[1:]:
                self.assertFalse(line.startswith(begin), line)


if __name__ == "__main__":
    unittest.main()
