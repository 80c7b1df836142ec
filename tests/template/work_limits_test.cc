// Templates of a few hundred bytes that would take minutes, or all memory: each ends within seconds, by a limit that has a name.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <string>

#include "core/base/error.h"
#include "core/text/template/conversation.h"
#include "core/text/template/json.h"
#include "core/text/template/template.h"

namespace hlm::jinja {
namespace {

struct Outcome {
  std::string text;  // or "CODE: message"
  double seconds = 0;
};

Outcome Rendered(const std::string& source, const std::string& variables = "{}", const Limits& limits = {}) {
  const auto begin = std::chrono::steady_clock::now();
  Outcome outcome;
  try {
    const Template compiled(source, "t");
    RenderSettings settings;
    settings.limits = limits;
    outcome.text = std::string(compiled.Render(ParseJsonValue(variables, "variables").dict(), settings).text.bytes());
  } catch (const Error& error) {
    outcome.text = std::string(CodeName(error.code())) + ": " + error.message();
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return outcome;
}

int64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

// Alone each takes a few seconds at most; the rest is for a busy machine and sanitizers.
constexpr double kMostSeconds = 60;

// A quarter of what templates may use: a quarter of the time.
Limits Quarter() {
  Limits limits;
  limits.max_output_bytes /= 4;
  limits.max_iterations /= 4;
  return limits;
}

// `limit`: of the message; null: it may also come to its end in time.
void EndsSoon(const std::string& source, const char* limit, const std::string& variables = "{}") {
  const Outcome outcome = Rendered(source, variables, Quarter());
  std::printf("%6.2f s, peak %5ld MiB: %s\n", outcome.seconds, static_cast<long>(PeakBytes() >> 20),
              source.substr(0, 110).c_str());
  EXPECT_LT(outcome.seconds, kMostSeconds) << source;
  if (limit == nullptr) return;
  EXPECT_EQ(outcome.text.substr(0, 18), "RESOURCE_EXHAUSTED") << source << "\n" << outcome.text.substr(0, 200);
  EXPECT_NE(outcome.text.find(limit), std::string::npos) << source << "\n" << outcome.text.substr(0, 200);
}

const std::string kDeep = "{% for a in range(100000) %}{% for b in range(100000) %}";  // more turns than may be
const std::string kEnd = "{% endfor %}{% endfor %}";

TEST(TemplateWork, LoopsWithLongBodiesAreStopped) {
  std::string sum = "1";
  for (int i = 0; i < 60; ++i) sum += " + a";
  EndsSoon(kDeep + "{% set x = " + sum + " %}" + kEnd, "steps (10 x max_iterations)");
  std::string tests;
  for (int i = 0; i < 30; ++i) tests += "{% if a is defined and not b %}{% endif %}";
  EndsSoon(kDeep + tests + kEnd, "steps (10 x max_iterations)");
  EndsSoon(kDeep + "{{ [a, b, {'x': a}, (b, a)]|length }}" + kEnd, "max_");
  EndsSoon("{% macro m(x, y=1) %}{{ x }}{% endmacro %}" + kDeep + "{% set z = m(a, y=b) ~ m(b) %}" + kEnd, "max_");
  EndsSoon("{% set s = namespace(n=0) %}" + kDeep + "{% set s.n = s.n + 1 %}" + kEnd, "max_iterations");
  EndsSoon(kDeep + "{{ loop.index0 }}{{ loop.first }}" + kEnd, "max_");
  EndsSoon("{% for a in range(100000) %}{{ range(100000)|list|length }}{% endfor %}", "bytes");
  EndsSoon(
      "{% for a in range(100000) %}{% for b in range(100000)|select('odd')|map('string')|sort|unique|reverse %}{% endfor %}{% "
      "endfor %}",
      "max_");
  EndsSoon("{% for i in range(100000) recursive %}{{ loop(range(100)) }}{% endfor %}", "max_depth");
}

// Lists that hold one list twice, again and again: printed, compared, hashed or sorted, they have 2^60 members.
TEST(TemplateWork, SharedValuesAreCountedWhenTheyAreWalked) {
  const auto twice = [](const std::string& made, const std::string& then) {
    return "{% set n = namespace(a=[], b=[], t=(), u=()) %}{% for i in range(60) %}" + made + "{% endfor %}" + then;
  };
  const std::string lists = "{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}";
  const std::string tuples = "{% set n.t = (n.t, n.t) %}{% set n.u = (n.u, n.u) %}";
  EndsSoon(twice(lists, "{{ n.a == n.b }}"), "bytes");
  EndsSoon(twice(lists, "{{ n.a < n.b }}"), "bytes");
  EndsSoon(twice(lists, "{{ n.a in [n.b] }}"), "bytes");
  EndsSoon(twice(lists, "{{ [n.b, n.a]|sort|length }}"), "bytes");
  EndsSoon(twice(lists, "{{ [n.b, n.a]|max|length }}"), "bytes");
  EndsSoon(twice(lists, "{{ n.a is eq n.b }}"), "bytes");
  EndsSoon(twice(lists, "{{ [n.b].index(n.a) }}"), "bytes");
  EndsSoon(twice(lists, "{{ n.a|string|length }}"), "max_output_bytes");
  EndsSoon(twice(lists, "{{ n.a|tojson|length }}"), "max_output_bytes");
  EndsSoon(twice(tuples, "{{ {n.t: 1} }}"), "bytes");
  EndsSoon(twice(tuples, "{{ [n.t, n.u]|unique|list|length }}"), "bytes");
  EndsSoon(twice(tuples, "{{ n.t == n.u }}"), "bytes");
  EndsSoon(twice("{% set n.a = {'x': n.a, 'y': n.a} %}{% set n.b = {'x': n.b, 'y': n.b} %}", "{{ n.a == n.b }}"), "bytes");
}

TEST(TemplateWork, SearchingIsLinearAndCounted) {
  const std::string many = "{% set s = 'a' * 33554432 %}{% set t = 'a' * 16777215 ~ 'b' %}{% set r = 'b' ~ 'a' * 16777215 %}";
  // Naive searching compares half of the needle at each place.
  for (const char* use : {"t in s", "s.find(t)", "s.count(t)", "s.replace(t, 'x')|length", "s.split(t)|length",
                          "s.partition(t)|length", "s.rfind(r)", "s.rsplit(r)|length", "s.rpartition(r)|length"}) {
    const std::string source = many + "{{ " + use + " }}";
    const Outcome outcome = Rendered(source);
    std::printf("%6.2f s: %s -> %s\n", outcome.seconds, use, outcome.text.substr(0, 80).c_str());
    EXPECT_LT(outcome.seconds, kMostSeconds) << use;
    EXPECT_EQ(outcome.text.find("RESOURCE"), std::string::npos) << use << ": " << outcome.text;
  }
  const std::string loop = "{% set s = 'a' * 4000000 %}{% set u = 'é' * 4000000 %}" + kDeep;
  for (const char* use : {"s.find('b')",
                          "s is eq 'b'",
                          "u[3999999]",
                          "u[1:3999999]",
                          "u.startswith('x', 3999999)",
                          "s.isalpha()",
                          "s.isupper()",
                          "s|wordcount",
                          "s|upper|length",
                          "u.title()|length",
                          "s|title|length",
                          "s.strip('ab')",
                          "(' ' * 4000000)|trim",
                          "s.split('b')|length",
                          "s.partition('b')|length",
                          "s.rpartition('b')|length",
                          "s.count('b')",
                          "s|list|length",
                          "s[::-1]|length",
                          "s|reverse|length",
                          "s.replace('b', 'c')|length",
                          "s|replace('a', 'b')|length",
                          "s|urlencode|length",
                          "s|escape|length",
                          "s|tojson|length",
                          "s ~ 'b'",
                          "'%s'|format(s)|length",
                          "'%.1s' % u",
                          "s|indent|length",
                          "s.expandtabs()|length",
                          "s.splitlines()|length",
                          "s.removeprefix(s)",
                          "s == s ~ ''",
                          "{s: 1}[s]",
                          "u|truncate(3000000)|length"}) {
    EndsSoon(loop + "{% set x = " + use + " %}" + kEnd, nullptr);
  }
}

// Each of many members is looked for in a long text, in which naive searching would compare half of it at each place.
TEST(TemplateWork, MembersThatNobodyReadsAreCountedSoon) {
  const std::string half(100000, 'a');
  std::string message = R"({"role": "user", "content": ")" + std::string(4000000, 'a') + "\"";
  for (int i = 0; i < 200; ++i) message += ", \"m" + std::to_string(i) + "\": \"" + half + "b\"";
  for (int i = 0; i < 50000; ++i) message += ", \"n" + std::to_string(i) + "\": \"b\"";
  const Value messages = ParseJsonValue("[" + message + R"(}, {"role": "assistant", "content": "x"}])", "messages");
  const auto chat = ChatTemplate::Create("{% for m in messages %}{{ m.content }};{% endfor %}");
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<LeftOut> left_out = RenderForTraining(*chat, MakeConversation(messages), {}).back().left_out;
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), kMostSeconds);
  ASSERT_EQ(left_out.size(), 65u);
  EXPECT_EQ(left_out.front().name, "m0");
  EXPECT_EQ(left_out.back().name, "");
  int64_t characters = 0;
  for (const LeftOut& words : left_out) characters += words.characters;
  EXPECT_EQ(characters, 200 * 100001 + 50000);
}

TEST(TemplateWork, WideScopesAndLongFormatsEnd) {
  std::string many;
  for (int i = 0; i < 60'000; ++i) many += "{% set v" + std::to_string(i) + " = 1 %}";
  EndsSoon(many + kDeep + "{% if v59999 %}{% endif %}" + kEnd, "max_");
  EndsSoon("{{ '%.2000000000f' % 1.5 }}", nullptr);
  EndsSoon("{{ '%2000000000.2000000000d' % 1 }}", nullptr);
  EndsSoon(kDeep + "{{ '%.100f' % 1e300 }}" + kEnd, "max_");
  EndsSoon("{{ 1.5|round(2000000000) }}{{ 7 ** 2000000000 }}", nullptr);
  EndsSoon("{{ (1e308 * 10)|int }}{{ 1e308|int }}", nullptr);
}

TEST(TemplateWork, CompilingEndsWhateverTheTextIs) {
  const auto times = [](int n, const std::string& text) {
    std::string all;
    for (int i = 0; i < n; ++i) all += text;
    return all;
  };
  for (const std::string& source :
       {times(1'000'000, "{%"), times(1'000'000, "{{ '"), times(1'000'000, "{#"), times(500'000, "{{a}}"),
        times(400'000, "{% if a"), times(1'000'000, "{%-"), "{{ " + times(1'000'000, "a~") + "b }}",
        "{{ [" + times(1'000'000, "1,") + "] }}", "{{ '" + times(1'000'000, "\\n") + "' }}",
        times(60'000, "{% macro m(a) %}{% endmacro %}"), times(100'000, "{% raw %}"), times(300'000, "{% set x%}"),
        "{{ " + times(3'000'000, "9") + " }}", "{{ {" + times(400'000, "1:2,") + "} }}",
        "{% set " + times(300'000, "a,") + "b = c %}", "{{ f(" + times(300'000, "a,") + "b) }}",
        times(200'000, "\n  {% if a %}{% endif %}  \n")}) {
    const Outcome outcome = Rendered(source);
    std::printf("%6.2f s: %zu bytes of %s -> %s\n", outcome.seconds, source.size(), source.substr(0, 12).c_str(),
                outcome.text.substr(0, 80).c_str());
    EXPECT_LT(outcome.seconds, kMostSeconds) << source.substr(0, 40);
  }
}

// What people's templates do stays far below the limits, and who needs more may have it.
TEST(TemplateWork, OrdinaryWorkIsNotStopped) {
  std::string messages = "[";
  for (int i = 0; i < 5'000; ++i) {
    messages += std::string(i == 0 ? "" : ",") + "{\"role\": \"" + (i % 2 == 0 ? "user" : "assistant") + "\", \"content\": \"" +
                std::string(2'000, 'x') + "\"}";
  }
  messages += "]";
  const std::string source =
      "{% set ns = namespace(last=-1) %}{% for m in messages[::-1] %}{% if m.role == 'user' and ns.last < 0 %}{% set ns.last = "
      "loop.index0 %}{% endif %}"
      "{% endfor %}{% for m in messages %}{% set c = m.content|trim %}{% if c is string and '</think>' in c %}{% set c = "
      "c.split('</think>')[-1].lstrip('\\n') %}"
      "{% endif %}{{ '<|im_start|>' + m.role + '\\n' + c + '<|im_end|>\\n' }}{% endfor %}";
  const Outcome outcome = Rendered(source, "{\"messages\": " + messages + "}");
  EXPECT_GT(outcome.text.size(), 10'000'000u);
  EXPECT_LT(outcome.seconds, kMostSeconds);
  const std::string loop = "{% for i in range(1000) %}{% set x = i + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 %}{% endfor %}x";
  Limits few;
  few.max_iterations = 1'000;
  EXPECT_NE(Rendered(loop, "{}", few).text.find("10000 steps"), std::string::npos) << Rendered(loop, "{}", few).text;
  few.max_iterations = 2'000;
  EXPECT_EQ(Rendered(loop, "{}", few).text, "x");
}

}  // namespace
}  // namespace hlm::jinja
