"""What is made from the options structs of the header: that it is not stale, and that a new option needs no more than the header."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, "tools/options")

import generate  # noqa: E402
from header import read_options  # noqa: E402

HEADER = Path("c_api/horizon_lm.h").read_text()

SMALL = """
#define HLM_COLOUR_RED 0
#define HLM_COLOUR_DARK_BLUE 1 /* as the sea */
#define HLM_COLOUR_AUTO -1

typedef struct hlm_plan_options {
  size_t struct_size;
  const char* device;  /* "auto" (default); borrowed for the call */
  int32_t colour;      /* of what: HLM_COLOUR_...; default
                          RED */
  int64_t knots;       /* knots in it; 0: chosen */
  int64_t depth;       /* of it; -1: chosen (default); below knots */
  int64_t most_bytes;  /* most of it; 0: what there is */
  double beta1, beta2; /* above 0; default 0.5 */
  int32_t quick;       /* 1: soon; default 0 */
  int32_t careful;     /* 1 (default): with care; 0: NULL and void */
  const float* weights; /* [n_weights] one a knot; or NULL with 0 */
  size_t n_weights;
  int32_t reserved;    /* 0 */
} hlm_plan_options;
"""


class ReadingTest(unittest.TestCase):
    def setUp(self) -> None:
        (self.struct,) = read_options(SMALL)
        self.members = {m.name: m for m in self.struct.members}

    def test_members_and_their_kinds(self) -> None:
        kinds = {name: m.kind for name, m in self.members.items()}
        self.assertEqual(
            kinds,
            {
                "device": "text",
                "colour": "choice",
                "knots": "integer",
                "depth": "integer",
                "most_bytes": "integer",
                "beta1": "real",
                "beta2": "real",
                "quick": "switch",
                "careful": "switch",
                "weights": "buffer",
            },
        )
        self.assertEqual(self.members["colour"].constants, ["HLM_COLOUR_RED", "HLM_COLOUR_DARK_BLUE", "HLM_COLOUR_AUTO"])

    def test_what_a_language_says(self) -> None:
        said = {name: m.said("true", "false", "nil") for name, m in self.members.items()}
        self.assertEqual(said["device"], '"auto" (default)')
        self.assertEqual(said["colour"], "of what; default RED")
        self.assertEqual(said["quick"], "true: soon; default false")
        self.assertEqual(said["careful"], "true (default): with care; false: nil and void")
        self.assertEqual(said["beta2"], "above 0; default 0.5")

    def test_a_member_without_a_comment_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, r"hlm_plan_options\.knots has no comment"):
            read_options(SMALL.replace("/* knots in it; 0: chosen */", ""))

    def test_what_is_no_member_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "not a member: int32_t bits : 3;"):
            read_options(SMALL.replace("int32_t quick; ", "int32_t bits : 3;"))


class WritingTest(unittest.TestCase):
    """A struct member of each kind that the header gains is in every language, in the command and in the tables."""

    @classmethod
    def setUpClass(cls) -> None:
        new = """  int64_t new_number;  /* of a thing; 0: chosen */
  int64_t new_bytes;   /* most of it; 0: what there is */
  int32_t new_choice;  /* how: HLM_TIMING_...; default SERIAL */
  const char* new_text; /* patterns of names: "a.*"; NULL (default): none; borrowed for the call */
} hlm_plan_options;"""
        head, tail = HEADER.split("} hlm_plan_options;", 1)
        cls.files = generate.generated(head + new + tail)

    def has(self, path: str, *texts: str) -> None:
        for text in texts:
            self.assertIn(text, self.files[path])

    def test_java(self) -> None:
        self.has(
            "bindings/java/src/main/java/org/horizonlm/PlanOptions.java",
            "     * @param value of a thing; 0: chosen\n     * @return this\n     */\n    public Builder newNumber(long value) {\n"
            "      setters.add(struct -> Native.hlm_plan_options_new_number_set(struct, value));\n      return this;\n    }\n",
            "public Builder newChoice(Timing value) {",
            "     * @param value how; default SERIAL\n",
        )

    def test_go(self) -> None:
        self.has(
            "bindings/go/options_generated.go",
            '\t// of a thing; 0: chosen\n\tNewNumber int64 `hlm:"new_number"`\n',
            '\tNewChoice Timing `hlm:"new_choice"`\n',
        )

    def test_python(self) -> None:
        self.has(
            "bindings/python/horizonlm/_option_types.py",
            "        # of a thing; 0: chosen\n        new_number: int\n",
            "        new_choice: Name\n",
            '    "hlm_plan_options.new_choice": "HLM_TIMING_",\n',
        )
        compile(self.files["bindings/python/horizonlm/_option_types.py"], "_option_types.py", "exec")

    def test_csharp(self) -> None:
        self.has(
            "bindings/csharp/src/Options.cs",
            "    /// <summary>of a thing; 0: chosen</summary>\n    public long? NewNumber { get; set; }\n",
            "    public Timing? NewChoice { get; set; }\n",
            "      if (NewNumber.HasValue) Native.hlm_plan_options_new_number_set(options, NewNumber.Value);\n",
            "      if (NewChoice.HasValue) Native.hlm_plan_options_new_choice_set(options, (int)NewChoice.Value);\n",
        )
        self.has("bindings/csharp/src/Enumerations.cs", "  public enum Timing {\n", "    Serial = Native.HLM_TIMING_SERIAL,\n")

    def test_the_command(self) -> None:
        self.has(
            "samples/horizon/options/plan_flags.h",
            "  int64_t new_number = 0;\n",
            "  int32_t new_choice = HLM_TIMING_SERIAL;\n",
            "  std::string new_text = {};\n",
        )
        self.has(
            "samples/horizon/options/plan_flags.cc",
            '  AddNumber(app, "--new-number", flags.new_number, 1,\n            "of a thing (default: by plan)")\n',
            '"most of it (default: what there is)", true)',
            '{"next-forward", HLM_TIMING_NEXT_FORWARD}',
            "  options.new_choice = flags.new_choice;\n",
            '  AddText(app, "--new-text", flags.new_text, "PATTERNS",\n            "patterns of names: \\"a.*\\"")\n',
            "  options.new_text = flags.new_text.empty() ? nullptr : flags.new_text.c_str();\n",
        )

    def test_the_tables(self) -> None:
        self.has("docs/options.md", "| `new_number` | whole number | of a thing; 0: chosen |\n")


class StaleTest(unittest.TestCase):
    def test_nothing_is_stale(self) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = generate.main(["--check", "."])
        self.assertEqual((code, out.getvalue()), (0, ""))

    def test_what_is_stale_is_named_and_written(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, text in generate.generated(HEADER).items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            (root / "c_api").mkdir()
            (root / "c_api/horizon_lm.h").write_text(HEADER.replace("/* learning rate;", "/* rate;"))
            for arguments, code in ((["--check", folder], 1), ([folder], 0), (["--check", folder], 0)):
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    self.assertEqual(generate.main(arguments), code)
                if code == 1:
                    names = sorted(line.split()[0] for line in out.getvalue().splitlines())
                    self.assertEqual(
                        names,
                        [
                            "bindings/csharp/src/Options.cs",
                            "bindings/go/options_generated.go",
                            "bindings/java/src/main/java/org/horizonlm/TrainerOptions.java",
                            "bindings/python/horizonlm/_option_types.py",
                            "docs/options.md",
                        ],
                    )


if __name__ == "__main__":
    unittest.main()
