"""Visibility: every folder says who may look in, and what programs see is all that is open to everybody."""

import re
import subprocess
import sys
import unittest
from pathlib import Path
from typing import List

ROOT = Path(sys.argv.pop())
PUBLIC = "//visibility:public"
ALL_OURS = '"//:__subpackages__"'  # as open, within the project
# The interfaces: header, libraries and packages.
OPEN = ["bindings/csharp/BUILD", "bindings/go/BUILD", "bindings/java/BUILD", "bindings/python/BUILD", "c_api/BUILD"]


def calls(text: str, function: str) -> List[str]:
    """The calls of a function that begin a line: of one line, or up to a line that begins with the parenthesis or bracket that ends it."""
    return re.findall(rf"^{function}\([^\n]*\)$|^{function}\(\[?\n.*?^\]?\)$", text, flags=re.M | re.S)


def faults(text: str) -> List[str]:
    found = [f"open to all: {call}" for call in calls(text, "package") if PUBLIC in call or ALL_OURS in call]
    return found + [f"says nobody: {call}" for call in calls(text, "exports_files") if "visibility" not in call]


class VisibilityTest(unittest.TestCase):
    def setUp(self) -> None:
        out = subprocess.run(["git", "ls-files", "BUILD", "*/BUILD"], cwd=ROOT, check=True, capture_output=True, text=True)
        # third_party describes what others have made.
        self.files = {name: (ROOT / name).read_text() for name in out.stdout.split() if not name.startswith("third_party/")}
        self.assertGreater(len(self.files), 80)

    def test_no_folder_is_open_to_all(self) -> None:
        for name, text in self.files.items():
            self.assertEqual(faults(text), [], name)

    def test_only_interfaces_are_public(self) -> None:
        self.assertEqual(sorted(name for name, text in self.files.items() if PUBLIC in text), OPEN)

    def test_a_fault_is_told(self) -> None:
        package, one, several = 'package(default_visibility = ["//visibility:public"])', 'exports_files(["a"])', 'exports_files([\n    "a",\n])'
        self.assertEqual(faults(f"{package}\n\n{one}\n"), [f"open to all: {package}", f"says nobody: {one}"])
        ours = package.replace(PUBLIC, "//:__subpackages__")
        self.assertEqual(faults(f"{ours}\n"), [f"open to all: {ours}"])
        self.assertEqual(faults(f"{several}\n\n{one}\n"), [f"says nobody: {several}", f"says nobody: {one}"])
        self.assertEqual(faults('exports_files(\n    ["a"],\n    visibility = ["//b:__pkg__"],\n)\n'), [])


if __name__ == "__main__":
    unittest.main()
