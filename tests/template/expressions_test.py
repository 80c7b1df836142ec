"""Expressions, filters, tests, methods and statements of templates: the same text as Jinja2."""

import sys

import oracle

V = {
    "s": "Hello World",
    "u": "Grüße, ΣΊΣΥΦΟΣ ǆ ŉ ﬁ ẞ İ 日本語 🎉",
    "w": " \t\n  pad ded \u3000\u00a0 ",
    "e": "",
    "lines": "a\nb\r\nc\x0bd\u2028e\n\nf",
    "q": "it's \"quoted\" \\ \t\n\r\x00\x7f\u200b\ue000",
    "i": 7,
    "n": -13,
    "z": 0,
    "big": 9007199254740993,
    "f": 2.5,
    "t": True,
    "no": False,
    "nil": None,
    "l": [3, 1, 2],
    "ls": ["b", "A", "c", "a"],
    "le": [],
    "d": {"b": 1, "a": "x", "items": [1], "C": None, "n": {"k": [1, {"z": 1.5}]}},
    "de": {},
    "rows": [{"k": "x", "v": 1, "o": {"p": 3}}, {"k": "y", "v": 2}, {"k": "x", "v": 3, "o": {"p": 1}}],
    "mixed": [1, "a", None, True, 2.0, [1], {"a": 1}],
    "floats": [0.1, 1.0, 1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 1.5e300, -0.0, 3.14159, 1e22, 100.0, 0.30000000000000004],
}

EXPRESSIONS = r"""
1 + 2 * 3 - 4
2 ** 3 ** 2
-2 ** 2
- 2 | abs
(-3) // 2
-3 % 5
3 % -5
-7 // 2.0
7.5 % -2
7 / 2
6 / 3
2 / big
big / 3
(big * 1000 + 7) / big
-1 / (big * 1023)
9223372036854775807 / 7
9223372036854775807 / 9223372036854775806
0 / -big
l[]
d[()]
"abc"|escape|list
"abc"|escape|first is escaped
("a"|escape ~ "b")|escape|last is escaped
"x" % []
"x" % range(2)
"x" % l|reverse
"x" % d.items()
1_000 + 0x1F + 0b101 + 0o17
1.5e3
1e5
2 ** -1
2.0 ** 0.5
"a" "b" 'c'
"a" ~ 1 ~ 2.0 ~ none ~ true ~ [1] ~ x
"a" + "b" * 3
3 * "ab"
[1] * 2 + [3]
(1, 2) + (3,)
(1,)
()
[]
{}
{"a": 1, 'b': [1, 2], 3: none, 1.5: true}
[1, "a", none, true, 1.0, 1e100, "it's", 'say "hi"', "b'\"", "\n\t\\", u]
1 < 2 < 3
1 < 3 < 2
1 == 1.0
true == 1
1 in [1, 2]
"a" in "abc"
"x" not in "abc"
"a" in d
"zz" in d
1 in l and 5 not in l
not 1 in l
not t and no
not (t and no)
t or x.y
no and x.y
t and "yes" or "no"
"a" if t
"a" if no
"a" if no else "b" if no else "c"
("a" if no) is undefined
1 if t else 2 + 3
s[0]
s[-1]
s[99]
s[99] is defined
s[2:5]
s[:-3]
s[::-1]
s[::2]
s[10:2:-3]
s[-100:100]
s[5:2]
u[3:10]
u[::-1]
u[-2]
l[::-1]
l[1:]
l[:1]
l[5:]
(1, 2, 3)[1:]
range(5)|list
range(2, 10, 3)|list
range(5, 0, -2)|list
range(3)
range(1, 7, 2)
range(0)|list
range(5)[1:3]|list
d.a
d["a"]
d.zz
d.zz is defined
d["zz"]
d.n.k[1].z
d["n"]["k"][0]
d.items()|list
d.keys()|list
d.values()|list
d.items()
d.keys()
d.values()
d|items|list
d.get("a")
d.get("zz")
d.get("zz", 5)
d|length
d|list
d
de
d|string
l.0
rows[0].k
rows.0.k
x
x is defined
x is undefined
nil
nil is none
nil is defined
x is none
x|default("d")
nil|default("d")
nil|default("d", true)
e|default("d", boolean=true)
x.y|default("d")
d.zz|default("d")
d.zz.yy|default("d")
x|length
x|list
x|upper
x|trim
x|join
x|string
x ~ "a"
x + "a"
x == y
x < 1
x[0]
x()
x in l
1 in x
nil.foo
nil.foo is defined
nil["foo"]
s.foo
s["foo"]
i.foo
s is string
u is string
i is string
i is number
f is number
t is number
t is boolean
i is boolean
i is integer
t is integer
f is integer
f is float
i is float
l is iterable
s is iterable
d is iterable
i is iterable
nil is iterable
x is iterable
l is sequence
s is sequence
d is sequence
i is sequence
x is sequence
d is mapping
l is mapping
t is true
i is true
no is false
z is false
t is sameas true
i is sameas 7
nil is sameas none
5 is odd
4 is odd
4 is even
6 is divisibleby 3
6 is divisibleby(4)
1 is in [1, 2]
3 is not in [1, 2]
1 is eq 1
1 is equalto 2
1 is == 1
2 is gt 1
2 is lessthan 1
2 is ge(2)
1 is ne 2
"abc" is lower
"ABC" is upper
"aB" is lower
range is callable
s is callable
x is callable
d.zz is callable
x.y is callable
nil is callable
("a" if no) is callable
s.upper is callable
joiner(",") is callable
cycler("a") is callable
namespace(a=1) is callable
"upper" is filter
"nope" is filter
"odd" is test
"x" is escaped
("x"|safe) is escaped
s|upper
s|lower
u|upper
u|lower
u|title
u|capitalize
"hello wORLD it's a-b (c) {d} [e] <f> o'neil"|title
"hello wORLD it's a-b".title()
u.title()
u.swapcase()
"ΑΣ ΑΣΑ Σ ΑΣ.".lower()
"ǆ".capitalize()
w|trim
w.strip()
w.lstrip()
w.rstrip()
"xxaxx".strip("x")
"xyaxy".lstrip("yx")
"abcabc".rstrip("bc")
"xxaxx"|trim("x")
"a,b,,c".split(",")
"a,b,,c".split(",", 1)
"a,b,,c".rsplit(",", 1)
" a  b c ".split()
" a  b c ".split(none, 1)
" a  b c ".rsplit(none, 1)
"".split()
"".split(",")
u.split("ß")
"abc".split("")
lines.splitlines()
lines.splitlines(true)
"a-b-c".partition("-")
"a-b-c".rpartition("-")
"abc".partition("x")
"abc".rpartition("x")
"abcabc".replace("b", "X")
"abcabc".replace("b", "X", 1)
"abc".replace("", "-")
"abc".replace("", "-", 2)
"abcabc"|replace("b", 5)
"abcabc"|replace("b", "X", 1)
5|replace("5", "6")
s.startswith("Hell")
s.startswith(("x", "H"))
s.startswith("W", 6)
s.startswith("ello", 1, 5)
s.endswith("ld")
s.endswith(("a", "d"))
s.endswith("")
s.find("o")
s.find("o", 5)
s.rfind("o")
s.find("zz")
u.find("日")
s.index("W")
s.index("zz")
s.count("l")
s.count("")
s.count("o", 5)
"abc".removeprefix("a")
"abc".removesuffix("bc")
"ab".center(7, "*")
"abc".center(6)
"abc".center(8)
"abcd".center(7)
"ab".ljust(5, ".")
"ab".rjust(5)
"-42".zfill(6)
"a\tb\tc".expandtabs(4)
",".join(ls)
",".join(l)
"-".join("abc")
"abc".isalpha()
"".isalpha()
"a1".isalnum()
"12".isdigit()
"²".isdigit()
"²".isdecimal()
"½".isnumeric()
" \t".isspace()
"ABC".isupper()
"A1".isupper()
"1".isupper()
"Title Case".istitle()
"é".isascii()
"a\n".isprintable()
"{} and {}".format(1, "b")
"{1} {0} {x}".format(1, 2, x=3)
"{{}}".format()
"%s and %d, %5.2f|%-5s|%05d|%x|%r|%%" % ("a", 3, 2.0, "b", -42, 255, "q'")
"%s" % "x"
"%s" % [1]
"%(a)s-%(b)d" % {"a": 1, "b": 2}
"%s %s" % ("a",)
"%d" % "a"
"%s" % (1, 2)
"%+d % d %#x %o %X %e %g %c" % (1, 2, 255, 8, 255, 1.5, 0.0001, "z")
"%s-%s"|format(1, 2)
"%(a)s"|format(a=1)
l|length
s|length
u|length
i|length
l|first
l|last
le|first
le|last
s|first
s|last
l|sort
l|sort(reverse=true)
ls|sort
ls|sort(case_sensitive=true)
rows|sort(attribute="k")|map(attribute="v")|list
rows|sort(attribute="k,v", reverse=true)|map(attribute="v")|list
mixed|sort
[x, y]|sort
[x, y, x]|sort(reverse=true, case_sensitive=true)
[x]|sort
[x, 1]|sort
[1, x]|sort
rows|sort(attribute="zz")
rows|sort(attribute="o.p")
rows|sort(attribute="zz,v", reverse=true)|map(attribute="v")|list
rows|map(attribute="zz")|sort|length
[de, de]|sort
[de, d]|sort
[nil, nil]|sort
[[x, 2], [x, 1]]|sort
[(x,), (y,)]|sort
[[x], [1]]|sort
[x, x]|min
[x]|max
[x] < [y]
[x] <= [y]
x < y
[1] < ["a"]
{"a": x, "b": x}|dictsort(by="value")
rows|groupby("zz")
l|reverse|list
s|reverse
l|join
l|join(", ")
mixed|join("|")
rows|join(", ", attribute="k")
rows|map(attribute="k")|list
rows|map(attribute="o.p")|list
rows|map(attribute="o.p", default=0)|list
rows|map("length")|list
ls|map("upper")|join
ls|map("replace", "a", "z")|join(",")
l|select("odd")|list
l|select("gt", 1)|list
mixed|select|list
mixed|reject|list
mixed|select("string")|list
l|reject("odd")|list
rows|selectattr("o")|map(attribute="v")|list
rows|selectattr("k", "equalto", "x")|list
rows|selectattr("k", "==", "y")|map(attribute="v")|first
rows|rejectattr("o", "defined")|map(attribute="v")|list
rows|selectattr("v", "in", [1, 3])|map(attribute="k")|list
le|select|list
l|select|length
(l|select) is iterable
true if l|select("gt", 100)
l|select("gt", 100)|first
l|select("gt", 1)|first
l|map("string")|list
l|map("foo")|list
ls|unique|list
[1, 1.0, true, "a", "A"]|unique|list
[1, 2, 3, 4, 5]|batch(2)|list
[1, 2, 3, 4, 5]|batch(2, "x")|list
[1, 2, 3, 4, 5]|slice(3)|list
[1, 2, 3, 4, 5]|slice(3, "x")|list
rows|groupby("k")
(rows|groupby("k"))[0].grouper
(rows|groupby("k"))[1].list
l|sum
rows|sum(attribute="v")
l|sum(start=10)
l|min
l|max
ls|min
ls|max
le|max
d|dictsort
de|dictsort
{"b": 2, "A": 3, "c": 1}|dictsort
{"b": 2, "A": 3, "c": 1}|dictsort(true)
{"b": 2, "A": 3, "c": 1}|dictsort(false, "value")
{"b": 2, "A": 3, "c": 1}|dictsort(by="value", reverse=true)
"42"|int
" 42 "|int
"4_2"|int
"42.9"|int
"abc"|int
"abc"|int(5)
"0x1f"|int(base=16)
"1f"|int(0, 16)
2.9|int
-2.9|int
nil|int
t|int
x|int
"1.5"|float
" -1e3 "|float
"inf"|float
"abc"|float
"abc"|float(1.5)
3|float
2.5|round
3.5|round
-2.5|round
2.675|round(2)
1234.5|round(-2)
12.345|round(1, "ceil")
12.345|round(1, "floor")
7|round
7.0|round|int
(-5)|abs
f|abs
floats
floats|tojson
mixed
mixed|tojson
d|tojson
d|tojson(indent=2)
d|tojson(indent=4)
de|tojson(indent=2)
[[], {}, [1]]|tojson(indent=1)
d|tojson(sort_keys=true)
{"b": 1, "a": [1, {"d": 1, "c": 2}]}|tojson(sort_keys=true, indent=2)
d|tojson(separators=(",", ":"))
d|tojson(separators=(",", ":"), indent=2)
u|tojson
u|tojson(ensure_ascii=true)
q|tojson
q|tojson(true)
q
[q]
[u]
"</script>&'"|tojson
{1: 2, true: 3, none: 4, 1.5: 5}|tojson
{1: 2, none: 4, 1.5: 5, "x": (1, 2)}|tojson
x|tojson
range(3)|tojson
d.keys()|tojson
none|tojson
true|tojson
"x"|safe
("<a>"|safe) + "<b>"
"<b>" + ("<a>"|safe)
"<b>" ~ ("<a>"|safe)
["<b>"|safe]
"<a href='x'>&\""|escape
("<a>"|e)|e
("<a>"|e)|forceescape
("<a>"|safe).replace("a", "<")
("<a>"|safe)|upper
("<a>"|safe)|replace("a", "<")
("<a>"|safe).split("a")
("<a>"|safe) * 2
("ab"|safe)[0] + "<"
("x"|safe) == "x"
s|center(15)
s|indent
"a\nb\n\nc"|indent
"a\nb\n\nc"|indent(2, true)
"a\nb\n\nc"|indent("> ", first=true, blank=true)
"foo bar baz qux"|truncate(9)
"foo bar baz qux"|truncate(9, true)
"foo bar baz qux"|truncate(11)
"foo bar baz qux"|truncate(11, false, "..", 0)
s|wordcount
"a/b c&d=é"|urlencode
{"a b": 1, "c": "d/e"}|urlencode
s|list
u|list
l|string
l|attr("x") is defined
d|attr("a") is defined
namespace(a=1, b="x").b
namespace(a=1)
namespace({"a": 1}, b=2)
namespace().zz is defined
dict(a=1, b=2)
dict({"a": 1}, b=2)
dict([["a", 1]])
dict(**{"k": 1})
[*l]
"a".upper().lower()
"a"|upper|lower|length + 1
-1|abs
-(1|abs)
not x
not not 1
[1, 2] == [1, 2.0]
[1] == (1,)
{"a": 1, "b": 2} == {"b": 2, "a": 1}
[1, 2] < [1, 3]
"a" < "b"
"é" > "z"
1 < "a"
none < 1
[] < {}
"1" == 1
1 + "a"
"a" + 1
[1] + "a"
none + 1
{} + {}
1 / 0
1 // 0
1 % 0
1.0 / 0
big
big + 1
big * 1.0
big == 9007199254740992.0
true + true
-true
+5
+true
1 if 0.0 else 2
1 if "" else 2
1 if [0] else 2
1 if {} else 2
1, 2
1, 2,
d.items()|list|length
l|tojson|length
l.index(1)
l.count(1)
l.append(4)
d.update({})
d.pop("a")
l.copy()
raise_exception("no")
"a" is string and 1 is number
1 is not none
x is not defined or x
"abc"[1]|upper
("a", "b")|join("-")
s.split(" ")[1][::-1]|upper
"\x41\u00e9\101\q\
z"
'\'' ~ "\""
"é"|length
[1, 2, 3][1:][0]
[[1, 2], [3]]|map("first")|list
[[1, 2], [3]]|sum(start=[])
(l|sort)[0]
l|sort|first
mixed|map("tojson")|join("; ")
"%.3s" % "abcdef"
"a" in ("a", "b")
nil in [none]
1.0 in [1]
"" in "abc"
l is in [[3, 1, 2]]
"a" * 0
"a" * -1
[] and x.y.z
"yes" if "a" in d else "no"
d["a"] if "a" in d else "no"
(d.a ~ "!")|upper
d.n.k|first
"a b c"|replace(" ", "") == "abc"
{"a": {"b": {"c": 1}}}.a.b.c
[1,2,3,]
{"a":1,}
cycler("a", "b").current
joiner(",")() ~ "x"
0.1 + 0.2
1e400
-1e400
1e400 - 1e400
100000000000000000.0
1.0
123456.789e3
5 // 2 * 2.0
2 ** 62
s|foo
s is foo
s|
1 +
(1
[1
{"a" 1}
"abc
1 2
a b
.a
a..b
a.1.2
"a"|upper()
"a"|upper(1)
l|join(1, 2, 3, 4)
""|default
1 is
1 is 2
not
x if
{{ 1 }}
%}
5 is odd is true
"x" is string is true
"""

TEMPLATES = r"""
{% for c ,in "abc" %}{{ c }}.{% endfor %}
{% for c, in in [[1, 2]] %}{{ c }}.{% endfor %}
{% for in in [1] %}{{ c }}.{% endfor %}
{% for x in 1, recursive %}{{ x }}.{% endfor %}
{% for x in 1, 2 recursive %}{{ x }}.{% endfor %}
{% for x in 1, %}{{ x }}.{% endfor %}
{% for x in [1] recursive: %}{{ x }}.{% endfor %}
{% with a = 1, b = 2 :%}{{ a }}{{ b }}{% endwith %}
{% with :%}{{ 1 }}{% endwith %}
{% with %}{{ 1 }}{% endwith %}
{% set x2, = "c" %}{{ x2 }}
{% with x2, = "c" %}{{ x2 }}{% endwith %}
{% for x2, in [[1], [2]] %}{{ x2 }}{% endfor %}
{{ not q|map(attribute='k')|selectattr('k') }}
{% set g = [1, 'a']|map('abs') %}{{ 'made' if g else 'not' }}
{% set g = [1, 'a']|map('abs') %}{{ g|first }}{{ g|first }}
{{ [1, 'a']|map('abs')|map('string')|first }}
{{ [1, 'a']|map('abs')|map('string')|list }}
{{ 1 in [1, 'a']|map('abs') }}
{{ 2 in [1, 'a']|map('abs') }}
{% for x in [1, 'a']|map('abs') %}{{ x }}{% break %}{% endfor %}
{% for x in [1, 'a']|map('abs') %}{{ x }}{% endfor %}
{{ [1, 'a']|select('even') is iterable }}{{ [2, 'a']|select('even')|first }}
{{ [1, 'a']|select('even')|list }}
{{ l|map is iterable }}
{{ l|map|list }}
{{ s|items is iterable }}
{{ s|items|list }}
{{ 3|unique is iterable }}
{{ 3|unique|list }}
{{ 3|batch(2) is iterable }}
{{ 3|batch(2)|list }}
{% macro m(a, a) %}{% endmacro %}
{% macro m(a, b=1, a=2) %}{{ a }}{% endmacro %}{{ m(1) }}
a{# c #}b
{# only #}
{#- c -#}  x
 {#  c  #}  x
x  {#- c #}
{% if t %}
  A
{% endif %}
B
    {% if t %}x{% endif %}    y
    {%+ if t %}x{% endif +%}
y
  {%- if t -%}  x  {%- endif -%}  y
{{ s -}}   x
x   {{- s }}
x
{{- s -}}
y
a {{ s }} b
{% raw %}{{ x }} {% if %}{% endraw %}z
{%- raw -%}  {{ x }}  {%- endraw -%}  z
{% if t %}1{% elif no %}2{% else %}3{% endif %}
{% if no %}1{% elif t %}2{% else %}3{% endif %}
{% if no %}1{% elif no %}2{% else %}3{% endif %}
{% if no %}1{% endif %}
{% for a in l %}{{ a }},{% endfor %}
{% for a in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }};{% endfor %}
{% for a in l %}{{ loop.previtem }}<{{ a }}>{{ loop.nextitem }};{% endfor %}
{% for a in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}
{% for a in l %}{{ loop.cycle("x", "y") }}{% endfor %}
{% for a in [1,1,2] %}{{ loop.changed(a) }}{% endfor %}
{% for a in le %}x{% else %}empty{% endfor %}
{% for a in l %}x{% else %}empty{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}
{% for (a, b), c in [[[1,2],3]] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in [[1,2,3]] %}{{ a }}{% endfor %}
{% for a, b in [1] %}{{ a }}{% endfor %}
{% for c in "añb" %}{{ c }}.{% endfor %}
{% for k in d %}{{ k }}.{% endfor %}
{% for a in nil %}{% endfor %}
{% for a in 5 %}{% endfor %}
{% for a in x %}{% else %}none{% endfor %}
{% for a in l if a > 1 %}{{ loop.index }}:{{ a }}/{{ loop.length }}{{ loop.last }};{% endfor %}
{% for a in l if a > 9 %}{{ a }}{% else %}none{% endfor %}
{% for a in range(10) %}{% if a == 3 %}{% continue %}{% endif %}{% if a == 6 %}{% break %}{% endif %}{{ a }}{% endfor %}
{% for a in l %}{% for b in ls %}{{ loop.index }}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}{{ loop.index }};{% endfor %}
{% for a in l recursive %}{{ a }}{% endfor %}
{% for n in [{"v":1,"c":[{"v":2,"c":[]}]},{"v":3,"c":[]}] recursive %}{{ n.v }}{{ loop.depth }}({{ loop(n.c) }}){% endfor %}
{% set a = 1 %}{{ a }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% set a = 1, 2 %}{{ a }}
{% set a %}x {{ s }}{% endset %}[{{ a }}]
{% set a | upper %}x {{ s }}{% endset %}[{{ a }}]
{% set a | upper | replace("X", "<") %}x {{ s }}{% endset %}[{{ a }}]
{% set a %}<b>{% endset %}{{ a is string }}{{ a|length }}
{% set a = 1 %}{% for b in l %}{% set a = b %}{{ a }}{% endfor %}{{ a }}
{% for b in l %}{{ a }}{% set a = b %}{{ a }}{% endfor %}{{ a }}
{% set a = 1 %}{% if t %}{% set a = 2 %}{% endif %}{{ a }}
{% if no %}{% set a = 2 %}{% endif %}{{ a is defined }}
{% set ns = namespace(a=1) %}{% for b in l %}{% set ns.a = ns.a + b %}{% endfor %}{{ ns.a }}
{% set ns = namespace() %}{% set ns.x = [1] %}{{ ns.x }}{{ ns["x"] }}{{ ns.y is defined }}
{% set d.x = 1 %}
{% set zz.x = 1 %}
{% macro m(a, b=2, c="z") %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(c=1, a=2) }}{{ m() }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}inner {{ s }}{% endcall %}
{% macro m(x) %}{{ caller(x, 2) }}{% endmacro %}{% call(a, b) m(1) %}{{ a }}-{{ b }}{% endcall %}
{% macro m() %}{% if caller is defined %}c{% else %}n{% endif %}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% macro fact(n) %}{{ n if n < 2 else n ~ "*" ~ fact(n - 1) }}{% endmacro %}{{ fact(4) }}
{% set a = 1 %}{% macro m() %}{{ a }}{% endmacro %}{% set a = 2 %}{{ m() }}
{% macro m() %}{{ later }}{% endmacro %}{% set later = 2 %}{{ m() }}
{% macro m() %}{% set q = 5 %}{{ q }}{% endmacro %}{{ m() }}{{ q is defined }}
{% for a in l %}{% macro m() %}{{ a }}{% endmacro %}{{ m() }}{% endfor %}
{% macro m() %}x{% endmacro %}{{ m.name }}{{ m()|upper }}{{ m() ~ "y" }}{{ m()|length }}
{% macro m(d) %}{% for k, v in d.items() %}{{ k }}{% if v is mapping %}({{ m(v) }}){% else %}{{ v }}{% endif %}{% endfor %}{% endmacro %}{{ m({"a":{"b":{"c":1}}}) }}
{% filter upper %}abc {{ s }}{% endfilter %}
{% filter replace("a", "b")|upper %}aaa{% endfilter %}
{% with %}{% set z1 = 1 %}{{ z1 }}{% endwith %}{{ z1 is defined }}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}
{% with a = i %}{% with b = a %}{{ b }}{% endwith %}{% endwith %}
a{% generation %}b{{ s }}{% endgeneration %}c{% generation %}d{% endgeneration %}
{% for m in rows %}<{{ m.k }}>{% generation %}{{ m.v }}!{% endgeneration %}
{% endfor %}
é{% generation %}日本{% endgeneration %}ü{% generation %}{% if no %}x{% endif %}{% endgeneration %}
{% generation %}{% set inner = 1 %}{{ inner }}{% endgeneration %}{{ inner is defined }}
a{%- generation -%}  b  {%- endgeneration -%}  c
{% for m in rows %}{% generation %}{% for z in l %}{{ z }}{% endfor %}{{ loop.index }}{% endgeneration %}{% endfor %}
{% break %}
{% for a in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}
{% if t %}
{% endif
{% for a in l %}
{% endfor %}
{% if t %}{% endfor %}
{% unknown %}
{% else %}
{{ 1
{# x
{% raw %}x
{% set %}
{% set a %}
{% set 1 = 2 %}
{% set true = 2 %}
{% for in l %}{% endfor %}
{% for a l %}{% endfor %}
{% macro %}{% endmacro %}
{% macro m(a=1, b) %}{% endmacro %}
{{ loop }}
{{ loop is defined }}
{% for a in l %}{% if loop is defined %}{{ loop.zz is defined }}{% endif %}{% endfor %}
{{ "{{" }}{{ '}}' }}{{ {"a": {"b": 1}}["a"]["b"] }}
{{ [{'a': 1}][0]['a'] }}
{{ {'a': {}} }}
x{% if t -%}
   y
{%- endif %}

   z
{% set x1 = "a" -%}
   b
{%- set x2 = "c" %}
  d
line1
{% for a in l %}
  - {{ a }}
{% endfor %}
line2

{% set c = cycler("a", "b") %}{% for z in l %}{{ c.next() }}{{ c.current }}{% endfor %}
{% set j = joiner(", ") %}{% for z in l %}{{ j() }}{{ z }}{% endfor %}
{% set g = l|map("string") %}{{ g|list }}{{ g|list }}
{% set g = l|select %}{% for z in g %}{{ z }}{% if z == 1 %}{% break %}{% endif %}{% endfor %}{{ g|list }}
{% set it = d.items() %}{{ it|length }}{{ it|list|length }}
{% for a in l|reverse %}{{ a }}{{ loop.length }}{% endfor %}
{% for a in l %}{% set outer = loop %}{% for b in ls %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}
{{ s }}{{ s|default("x") ~ (1 if t) }}{{ (1 if no) ~ "z" }}
{% if "a" in d and d.a is string and d["a"] == "x" %}ok{% endif %}
{% if x is defined and x %}a{% elif not x %}b{% endif %}
{% if (d.zz or d.a) == "x" %}ok{% endif %}
{%- for m in rows %}{%- if loop.first and m.k == "x" %}{{- "first" }}{%- else %}{{- m.k }}{%- endif %}{%- endfor %}
{% for i in range(3) %}{{ i }}{% endfor %}{{ i }}
{% set l2 = l + [9] %}{{ l2 }}{{ l }}
{% set d2 = dict(d, extra=1) %}{{ d2.extra }}{{ d.extra is defined }}
{{ range(100001)|length }}
{% for m in rows %}{{ loop.nextitem.k if not loop.last else "end" }}{% endfor %}
{% for a in l %}{% if not loop.last %}{{ a }}, {% else %}{{ a }}.{% endif %}{% endfor %}
{% set text %}{% for a in l %}{{ a }}{% if not loop.last %} {% endif %}{% endfor %}{% endset %}{{ text.split() }}
{{ s }}{% for a in l %}{{ s }}{% endfor %}{% set s = 1 %}{% for a in l %}{{ s }}{% endfor %}
{% for a in l %}[{{ t }}]{% endfor %}{% set t = 1 %}{{ t }}{% for a in l %}{{ t }}{% endfor %}
{% macro unset() %}[{{ f }}]{% endmacro %}{{ unset() }}{% set f = 1 %}{{ unset() }}
{% macro unset2() %}{{ n }}{% set n = 1 %}{{ n }}{% endmacro %}{{ unset2() }}
{% macro unset3() %}{% for a in l %}[{{ q }}]{% endfor %}{% set q = 1 %}{{ q }}{% endmacro %}{{ unset3() }}{{ unset3() }}
{% macro unset4(a=lines) %}{{ a }}{% for b in l %}[{{ lines }}]{% endfor %}{% set lines = 1 %}{% endmacro %}{{ unset4() }}
{% generation %}{% generation %}[{{ u }}]{% endgeneration %}{% set u = 1 %}{{ u }}{% endgeneration %}{{ u }}
{% for a in l %}{% for b in l %}[{{ d }}]{% endfor %}{% set d = a %}{% for b in l %}{{ d }}{% endfor %}{% endfor %}
{% for a in l %}[{{ w }}]{% endfor %}{% if i %}{% set w = 1 %}{% else %}{% set w = 2 %}{% endif %}{{ w }}
{% if i %}{% for a in l %}[{{ e }}]{% endfor %}{% set e = 1 %}{% elif t %}{% set e = 2 %}{% else %}{% set e = 3 %}{% endif %}{{ e }}
{% for a in l %}[{{ range is defined }}]{% endfor %}{% set range = 1 %}{{ range }}
{% for a in l %}[{{ s }}]{% endfor %}{% set x, (s, t) = (1, (2, 3)) %}{{ s }}{{ t }}
{% for a in l %}[{{ s }}]{% else %}{{ s }}{% set s = 1 %}{% endfor %}{{ s }}
{% for a in [] %}{% else %}{% for b in l %}[{{ s }}]{% endfor %}{% set s = 1 %}{{ s }}{% endfor %}{{ s }}
{% with s = s %}{% for a in l %}[{{ s }}]{% endfor %}{% set s = 1 %}{{ s }}{% endwith %}{{ s }}
{% with a = 1 %}{% for a in l %}[{{ s }}]{% endfor %}{% set s = 1 %}{{ s }}{% endwith %}{{ s }}
{% set x %}{% for a in l %}[{{ s }}]{% endfor %}{% set s = 1 %}{{ s }}{% endset %}{{ x }}{{ s }}
{% for a in l %}[{{ s }}]{% endfor %}{% set s %}b{% endset %}{{ s }}
{% for a in l %}[{{ s is defined }}]{% endfor %}{% macro s() %}c{% endmacro %}{{ s() }}
{% macro calls() %}[{{ caller(1) }}]{% endmacro %}{% call(s) calls() %}{{ s }}{% for a in l %}{{ t }}{% endfor %}{% set t = 1 %}{% endcall %}
{% set ns = namespace(x=1) %}{% for a in l %}{{ ns.x }}{% endfor %}{% set ns.x = 2 %}{{ ns.x }}
{% with a = 1 %}{% for b in l %}[{{ ls }}]{% endfor %}{% set ls = 1 %}{{ ls }}{% endwith %}
{% set x %}{% for b in l %}[{{ rows }}]{% endfor %}{% set rows = 1 %}{{ rows }}{% endset %}{{ x }}
{% for a in [] %}{% else %}{% for b in l %}[{{ big }}]{% endfor %}{% set big = 1 %}{{ big }}{% endfor %}
{% filter upper %}{% for b in l %}[{{ mixed }}]{% endfor %}{% set mixed = 'a' %}{{ mixed }}{% endfilter %}
{% filter replace('a', s) %}{% set s = 'b' %}banana{% endfilter %}{{ s }}
{% set x | replace('a', s) %}{% set s = 'b' %}banana{% endset %}{{ x }}{% set s = s %}
{% for s in s %}{{ s }}{% for a in l %}{{ s }}{% endfor %}{% set s = 1 %}{{ s }}{% endfor %}
{{ l|select|reverse|list is iterable }}{{ l|map('string')|reverse }}{{ (l|reverse|reverse)[0] }}{{ l|batch(2)|reverse }}
{{ (l|map('string')|reverse|length) if true }}{{ d|items|reverse|first }}{{ [l|unique|reverse, 1] }}
"""

# Filters and tests that nobody knows: errors of the template but within a condition, where they are when they are reached.
UNKNOWN = r"""
{{ 1|no }}
{% if no %}{{ 1|no }}{% endif %}a
{% if no %}{% elif 1|no %}{% endif %}a
{% if true %}{{ 1|no }}{% endif %}a
{% if true %}a{% else %}{{ 1|no }}{{ 2 is no }}{% endif %}
{% if no %}{% if 1 is no %}{% endif %}{% endif %}a
{% if 1 is no %}a{% endif %}
{{ (1|no) if no else 2 }}
{{ (1|no) if not no else 2 }}
{{ 2 if 1 else 3 is no }}
{{ 2 if (1|no) else 3 }}
{{ ((1|no), 2) if no else 3 }}
{{ [1 if no else 2, 3|no] }}
{{ no and (1|no) }}
{% for a in l %}{{ a|no }}{% endfor %}
{% if no %}{% for a in l %}{{ a|no }}{% endfor %}{% endif %}a
{% if no %}{% for a in [] %}{% else %}{{ a|no }}{% endfor %}{% endif %}a
{% if no %}{% for a in l|no %}{% endfor %}{% endif %}a
{% if no %}{% for a in l if a|no %}{% endfor %}{% endif %}a
{% for a in l %}{% if no %}{{ a|no }}{% endif %}b{% endfor %}
{% if no %}{% set a %}{{ 1|no }}{% endset %}{% endif %}a
{% if no %}{% set a | no %}{% endset %}{% endif %}a
{% if no %}{% set a = 1|no %}{% endif %}a
{% if no %}{% with a = 1|no %}{% endwith %}{% endif %}a
{% if no %}{% with a = 1 %}{{ a|no }}{% endwith %}{% endif %}a
{% if no %}{% macro f(a=1|no) %}{% endmacro %}{% endif %}a
{% if no %}{% macro f(a) %}{{ a|no }}{% endmacro %}{% endif %}a
{% macro f(a) %}{% if a %}{{ a|no }}{% endif %}b{% endmacro %}{{ f(0) }}
{% if no %}{% filter no %}a{% endfilter %}{% endif %}a
{% if no %}{% filter upper %}{{ 1|no }}{% endfilter %}{% endif %}a
{% if no %}{% call f(1|no) %}{% endcall %}{% endif %}a
{% if no %}{{ 1|no|no(2)|upper }}{% endif %}a
"""


# What Python answers and the engine refuses: addresses, whole numbers beyond 64 bits, what depends on chance.
REFUSED = {
    "{{ d.items }}": "UNIMPLEMENTED",
    "{{ l|map('upper') }}": "UNIMPLEMENTED",
    "{{ 2 ** 63 }}": "OUT_OF_RANGE",
    "{{ 9223372036854775807 + 1 }}": "OUT_OF_RANGE",
    "{{ 9223372036854775808 }}": "INVALID_ARGUMENT",
    "{{ l|random }}": "UNIMPLEMENTED",
    "{{ 'x'.casefold() }}": "UNIMPLEMENTED",
    "{% include 'x' %}": "UNIMPLEMENTED",
    "{% extends 'x' %}": "UNIMPLEMENTED",
    "{% block a %}{% endblock %}": "UNIMPLEMENTED",
    "{{ range(100001) }}": "RESOURCE_EXHAUSTED",
}


def cases():
    all_cases = []
    for expression in EXPRESSIONS.strip("\n").split("\n"):
        all_cases.append(("[{{ " + expression + " }}]", V))
    for template in (TEMPLATES.strip("\n") + UNKNOWN.rstrip("\n")).split("\n"):
        all_cases.append((template, V))
    # Lines belong together here: white space over several lines, with and without signs, and all ends of lines.
    blocks = TEMPLATES.strip("\n").split("\n")
    for size in (2, 3, 5):
        for start in range(0, len(blocks) - size):
            part = "\n".join(blocks[start:start + size])
            all_cases.append((part, V))
            all_cases.append((part.replace("\n", "\r\n") + "\n", V))
    for text in ("", "\n", "\n\n", "a\n", "a\n\n", "\r\n", "a\r", "{", "{a", "}}", "%}", "a{", "\t{% if t %}\n\t{% endif %}\n"):
        all_cases.append((text, V))
    # Characters one by one, through what depends on their class.
    points = [c for c in range(0x3000) if not 0xD800 <= c < 0xE000] + list(range(0xA000, 0xABFF)) + list(range(0x10400, 0x10500)) + [
        0xFB00, 0xFB13, 0xFEFF, 0xFF21, 0x1F600, 0xE000, 0x1E900, 0x2F800]
    import unicodedata
    points = [c for c in points if unicodedata.category(chr(c)) != "Cn"]
    text = [chr(c) for c in points]
    for use in ("|upper", "|lower", "|title", "|capitalize", ".strip()", ".isspace()", ".isalpha()", ".isdecimal()",
                ".isprintable()", ".swapcase()", ".title()", ".isalnum()", "|tojson", ".splitlines()"):
        all_cases.append(("{% for c in text %}{{ c" + use + " }}|{% endfor %}", {"text": text}))
    all_cases.append(("{{ text }}", {"text": text}))
    return all_cases


if __name__ == "__main__":
    every = cases()
    FAILED = oracle.compare(sys.argv[1], every)
    for (refused, code), answer in zip(REFUSED.items(), oracle.engine(sys.argv[1], [(r, V) for r in REFUSED])):
        if answer[0] is not None or not answer[1].startswith(code):
            print(f"--- {refused!r} is not {code}: {answer!r}")
            FAILED += 1
    print(f"{len(every)} cases, {FAILED} differ")
    sys.exit(FAILED != 0)
