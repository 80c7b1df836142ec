// Templates that mean harm, and text that is no template: each ends soon with an error that names the limit or the line.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "core/base/error.h"
#include "core/text/template/json.h"
#include "core/text/template/template.h"

namespace hlm::jinja {
namespace {

std::string Times(int n, const std::string& text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

// The text, or "CODE: message".
std::string RunTemplate(const std::string& source, const Limits& limits = {}, const std::string& variables = "{}") {
  try {
    const Template compiled(source, "t");
    RenderSettings settings;
    settings.limits = limits;
    return std::string(compiled.Render(ParseJsonValue(variables, "variables").dict(), settings).text.bytes());
  } catch (const Error& error) {
    EXPECT_EQ(error.message().find('\n'), std::string::npos);
    EXPECT_LT(error.message().size(), 2000u);
    return std::string(CodeName(error.code())) + ": " + error.message();
  }
}

void ExpectError(const std::string& source, const std::string& code, const std::string& part, const Limits& limits = {}) {
  const std::string result = RunTemplate(source, limits);
  EXPECT_EQ(result.substr(0, code.size()), code) << source.substr(0, 200) << "\n" << result.substr(0, 300);
  EXPECT_NE(result.find(part), std::string::npos) << source.substr(0, 200) << "\n" << result.substr(0, 300);
}

TEST(TemplateLimits, LoopsEnd) {
  const Limits few{1 << 20, 1000, 600};
  ExpectError("{% for a in range(1001) %}{% endfor %}", "RESOURCE_EXHAUSTED", "max_iterations = 1000", few);
  EXPECT_EQ(RunTemplate("{% for a in range(1000) %}{% endfor %}x", few), "x");
  ExpectError(Times(4, "{% for a in range(100000) %}") + Times(4, "{% endfor %}"), "RESOURCE_EXHAUSTED", "max_iterations",
              {1 << 26, 1'000'000, 600});
  ExpectError("{% for a in range(1000) if false %}{% endfor %}{% for a in [1] %}{% endfor %}", "RESOURCE_EXHAUSTED",
              "max_iterations", few);
  ExpectError("{{ range(100001) }}", "RESOURCE_EXHAUSTED", "100000");
  ExpectError("{{ range(-9223372036854775807, 9223372036854775807) }}", "RESOURCE_EXHAUSTED", "100000");
}

TEST(TemplateLimits, RecursionEnds) {
  ExpectError("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "RESOURCE_EXHAUSTED", "max_depth");
  ExpectError("{% macro m(n) %}{{ m(n + 1) ~ m(n + 1) }}{% endmacro %}{{ m(0) }}", "RESOURCE_EXHAUSTED", "max_depth");
  ExpectError("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}", "RESOURCE_EXHAUSTED",
              "max_iterations", {1 << 20, 100'000, 600});
  ExpectError("{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}", "RESOURCE_EXHAUSTED", "max_depth");
}

TEST(TemplateLimits, OutputEnds) {
  const Limits small{1000, 1'000'000, 600};
  ExpectError("{{ 'a' * 1001 }}", "RESOURCE_EXHAUSTED", "max_output_bytes = 1000", small);
  EXPECT_EQ(RunTemplate("{{ 'a' * 1000 }}", small).size(), 1000u);
  ExpectError("{% for a in range(600) %}ab{% endfor %}", "RESOURCE_EXHAUSTED", "max_output_bytes", small);
  ExpectError("{{ 'a' * 9223372036854775807 }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  ExpectError("{{ [0] * 9223372036854775807 }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  ExpectError("{{ 'a'.center(9223372036854775807) }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  ExpectError("{{ 'a' | indent(9223372036854775807) }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  ExpectError("{{ '%9223372036854775807d' % 1 }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  ExpectError("{{ 'a'.zfill(9223372036854775807) }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  ExpectError("{{ [1]|slice(9223372036854775807)|list }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  ExpectError("{{ [1]|batch(9223372036854775807, 0)|list }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  ExpectError("{{ [1]|tojson(indent=9223372036854775807) }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  ExpectError("{{ ('a' * 10000).replace('a', 'b' * 10000) }}", "RESOURCE_EXHAUSTED", "max_output_bytes");
  // Doubling, again and again; little output, much work.
  const Limits medium{4 << 20, 10'000'000, 600};
  for (const char* source : {
           "{% set ns = namespace(s='a') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
           "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
           "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% set x = s ~ i %}{% endfor %}",
           "{% set s = 'a' * 1000000 %}{% for i in range(100000) %}{% if 'b' in s %}{% endif %}{% endfor %}",
       }) {
    ExpectError(source, "RESOURCE_EXHAUSTED", "bytes", medium);
  }
}

TEST(TemplateLimits, ValuesInsideThemselves) {
  EXPECT_EQ(RunTemplate("{% set ns = namespace() %}{% set ns.me = ns %}x"), "x");
  ExpectError("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}", "RESOURCE_EXHAUSTED", "max_depth");
  ExpectError("{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}",
              "RESOURCE_EXHAUSTED", "nested");
  ExpectError("{% set ns = namespace(l=none) %}{% for i in range(1000) %}{% set ns.l = {'a': ns.l} %}{% endfor %}",
              "RESOURCE_EXHAUSTED", "nested");
  // Chains of namespaces, macros, loops and methods, which refer to each other.
  EXPECT_EQ(
      RunTemplate("{% set ns = namespace(l=none) %}{% for i in range(50000) %}{% set ns.l = namespace(l=ns.l) %}{% endfor %}x"),
      "x");
  ExpectError(
      "{% set ns = namespace(l=[1]) %}{% for i in range(20000) %}{% for j in [ns.l] %}{% set ns.l = loop %}{% endfor %}{% endfor "
      "%}x",
      "RESOURCE_EXHAUSTED", "nested");
  EXPECT_EQ(RunTemplate("{% set ns = namespace(m=none) %}{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{% set ns.m = "
                        "m %}{% endfor %}{{ ns.m() }}"),
            "2");
}

TEST(TemplateLimits, DeepTemplatesAreRefused) {
  for (const int n : {1000, 100'000}) {
    ExpectError("{{ " + Times(n, "(") + "1" + Times(n, ")") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ " + Times(n, "[") + Times(n, "]") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ " + Times(n, "{1:") + "1" + Times(n, "}") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ " + Times(n, "not ") + "1 }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ " + Times(n, "-") + "1 }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ 1" + Times(n, " + 1") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ 1" + Times(n, " and 1") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ a" + Times(n, ".a") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ a" + Times(n, "()") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ a" + Times(n, "|trim") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ a" + Times(n, " if a else a") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{{ a" + Times(n, "[a") + Times(n, "]") + " }}", "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError(Times(n, "{% if 1 %}") + Times(n, "{% endif %}"), "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError(Times(n, "{% for a in b %}"), "RESOURCE_EXHAUSTED", "nested deeper");
    ExpectError("{% set " + Times(n, "(") + "a" + Times(n, ")") + " = 1 %}", "RESOURCE_EXHAUSTED", "nested deeper");
  }
  EXPECT_EQ(RunTemplate("{{ " + Times(40, "(") + "1" + Times(40, ")") + " }}"), "1");
  EXPECT_EQ(RunTemplate("{{ ''" + Times(1000, " ~ 'a'") + " }}").size(), 1000u);
  EXPECT_EQ(RunTemplate("{% if 0 %}" + Times(1000, "{% elif 0 %}") + "{% else %}x{% endif %}"), "x");
  ExpectError(std::string(5 << 20, 'a'), "RESOURCE_EXHAUSTED", "bytes");
}

TEST(TemplateErrors, NameTheLineAndTheReason) {
  ExpectError("a\nb\n{{ raise_exception('no ' ~ 'way') }}", "INVALID_ARGUMENT", "t, line 3: the template refuses: no way");
  ExpectError("{{ 1 }}\n{% foo %}", "UNIMPLEMENTED", "line 2: the statement foo");
  ExpectError("{{ 1 }}\n{{ 1|foo }}", "UNIMPLEMENTED", "line 2: the filter foo");
  ExpectError("{{ 1 }}\n{{ 1 is foo }}", "UNIMPLEMENTED", "line 2: the test foo");
  ExpectError("{{ 1 }}\n\n{{ x.y }}", "INVALID_ARGUMENT", "line 3: 'x' is undefined");
  ExpectError("{{ 1 }}\n{{ 1 + 'a' }}", "INVALID_ARGUMENT", "line 2: unsupported operand type(s) for +");
  ExpectError("{% macro m() %}\n{{ none() }}{% endmacro %}\n\n{{ m() }}", "INVALID_ARGUMENT", "line 2: ");
  ExpectError("{{ raise_exception('a\nb\x01') }}", "INVALID_ARGUMENT", "refuses");
  ExpectError("{{ '\xff' }}", "INVALID_ARGUMENT", "not UTF-8 at byte 4");
  ExpectError("{{ '\\ud800' }}", "INVALID_ARGUMENT", "no character");
  ExpectError("{{ [].append(1) }}", "INVALID_ARGUMENT", "may not change a list");
  ExpectError("{{ ''.__class__.__mro__ }}", "INVALID_ARGUMENT", "__class__");
}

TEST(TemplateJson, IsReadAsPythonDoes) {
  const auto print = [](const std::string& json) { return RunTemplate("{{ x }}", {}, "{\"x\": " + json + "}"); };
  EXPECT_EQ(print("9007199254740993"), "9007199254740993");
  EXPECT_EQ(print("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(print("{\"b\": 1, \"a\": 2, \"b\": 3}"), "{'b': 3, 'a': 2}");
  EXPECT_EQ(print("1e2"), "100.0");
  const auto refused = [](const std::string& json) {
    try {
      ParseJsonValue(json, "row");
    } catch (const Error& error) {
      return error.message();
    }
    return std::string();
  };
  // Whole numbers of any length are printed as Python does; there is no computing with those of more than 64 bits.
  EXPECT_EQ(print("123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(print("[9223372036854775808, NaN, -Infinity, 1e999]"), "[9223372036854775808, nan, -inf, inf]");
  const auto run = [](const std::string& source) {
    return RunTemplate(source, {}, R"({"x": 123456789012345678901234567890, "y": NaN})");
  };
  EXPECT_EQ(run("{{ [x, y]|tojson }}"), "[123456789012345678901234567890, NaN]");
  EXPECT_EQ(run("{{ x is number }}{{ x is integer }}{{ x is string }}{{ x == x }}{{ x == 1 }}{{ 'a' if x }}"),
            "TrueTrueFalseTrueFalsea");
  EXPECT_NE(run("{{ x + 1 }}").find("needs more than 64 bits"), std::string::npos) << run("{{ x + 1 }}");
  EXPECT_NE(run("{{ x < 1 }}").find("needs more than 64 bits"), std::string::npos) << run("{{ x < 1 }}");
  EXPECT_NE(refused("\"\\ud83d\"").find("surrogate"), std::string::npos) << refused("\"\\ud83d\"");
  EXPECT_NE(refused("\"\\udc00x\"").find("surrogate"), std::string::npos) << refused("\"\\udc00x\"");
  EXPECT_NE(refused("\"\xff\"").find("not valid JSON"), std::string::npos);
  EXPECT_NE(refused(Times(100'000, "[")).find("nested deeper"), std::string::npos);
  EXPECT_NE(refused("{\"a\": 1").find("not valid JSON"), std::string::npos);
  EXPECT_NE(refused(std::string("1\0", 2)).find("NUL"), std::string::npos);
}

// Cuts, repeats and tokens in the middle of a valid template: an Error or a text, whatever comes out.
TEST(TemplateFuzz, MutationsEndInTextOrError) {
  const std::string valid =
      "{%- macro m(a, b=1) -%}{{ a ~ b }}{%- endmacro -%}{% set ns = namespace(x=0) %}{% for k, v in {'a': [1, 2], 'b': "
      "'c'}.items() if v %}"
      "{% if loop.first and v is iterable %}{{ m(v[::-1]|join(', '), b=k|upper) }}{% elif not loop.last %}{% continue %}{% else "
      "%}"
      "{% set ns.x = ns.x + 1 %}{{ \"%s-%d\" % (k, ns.x) }}{% endif %}{% generation %}{{ v|tojson(indent=2) }}{% endgeneration "
      "%}{% endfor %}"
      "{% set t %}{{ 'x' if ns.x > 1 else none }}{% endset %}{{ t|default('d')|replace('\\n', '') }}{# c #}{% raw %}{{{% endraw "
      "%}";
  static constexpr const char* kTokens[] = {"{{",    "}}",   "{%", "%}",   "{#",  "#}", "-%}", "{%-", "(",      ")",  "[",
                                            "]",     "|",    ".",  ",",    ":",   "~",  "**",  "'",   "\"",     "\\", "0x",
                                            "1e999", "\xff", "if", "else", "for", "in", "is",  "not", "endfor", "raw"};
  std::mt19937 random(7);
  const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  const Limits limits{1 << 16, 10'000, 600};
  int texts = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string source = valid;
    for (size_t change = 1 + below(3); change > 0; --change) {
      const size_t at = below(source.size()), n = std::min(source.size() - at, 1 + below(12));
      switch (below(4)) {
        case 0:
          source.erase(at, n);
          break;
        case 1:
          source.insert(at, source.substr(below(source.size()), n));
          break;
        case 2:
          source.insert(at, kTokens[below(std::size(kTokens))]);
          break;
        default:
          source[at] = static_cast<char>(below(256));
          break;
      }
      if (source.empty()) source = "x";
    }
    const std::string result = RunTemplate(source, limits);
    texts += result.find("INVALID_ARGUMENT") != 0 && result.find("UNIMPLEMENTED") != 0 && result.find("RESOURCE_EXHAUSTED") != 0;
    EXPECT_EQ(result.find("INTERNAL"), std::string::npos) << source;
  }
  EXPECT_GT(texts, 500);
  EXPECT_LT(texts, 19'000);
}

}  // namespace
}  // namespace hlm::jinja
