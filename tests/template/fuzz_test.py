"""Random expressions and templates from a grammar, rendered by the engine and by Jinja2: the same text, or an error from both.

  fuzz_test.py RENDER_LINES [CASES] [SEED]
"""

import random
import sys
import warnings

import oracle
from expressions_test import TEMPLATES, V

NAMES = list(V) + ["x", "x", "loop"]
FILTERS = ["upper", "lower", "title", "capitalize", "trim", "string", "length", "list", "first", "last", "join", "join('-')", "reverse", "sort",
           "unique", "int", "float", "abs", "round", "default('d')", "default('d', true)", "tojson", "tojson(indent=2)", "items", "dictsort",
           "replace('a', 'b')", "map('string')", "map(attribute='k')", "select", "reject", "select('string')", "selectattr('k')", "min", "max",
           "sum", "safe", "escape", "indent", "batch(2)", "slice(2)", "wordcount", "truncate(5)", "center(9)", "count", "urlencode"]
TESTS = ["defined", "undefined", "none", "string", "number", "mapping", "iterable", "sequence", "true", "false", "boolean", "integer", "float",
         "odd", "even", "divisibleby 3", "in [1, 2]", "eq 1", "sameas none", "lower", "upper", "not none", "not string"]
METHODS = ["strip()", "lstrip('a')", "split()", "split('a')", "upper()", "lower()", "title()", "replace('l', 'L')", "startswith('a')",
           "endswith(('a', 'b'))", "items()", "keys()", "get('a')", "get('zz', 1)", "find('l')", "rsplit('l', 1)", "splitlines()", "partition('l')",
           "count('l')", "capitalize()", "isdigit()", "isalpha()", "join(['a', 'b'])", "zfill(5)", "index('a')"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
CONSTANTS = ["0", "1", "-1", "2", "3", "7", "1.5", "0.1", "2.0", "1e3", "''", "'a'", "\"b c\"", "'Ünï'", "true", "false", "none", "[]", "{}", "()",
             "'a\\n'", "[1, 2]", "'%s'", "'%d'", "(1, 'a')", "{'a': 1, 'b': [2]}"]


class Grammar:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def expression(self, depth):
        r = self.random
        if depth <= 0 or r.random() < 0.15:
            return r.choice(CONSTANTS) if r.random() < 0.5 else r.choice(NAMES)
        one = lambda: self.expression(depth - 1)
        kind = r.randrange(14)
        if kind < 3:
            return f"{one()} {r.choice(BINARY)} {one()}"
        if kind < 6:
            return f"{one()}|{r.choice(FILTERS)}"
        if kind == 6:
            return f"{one()} is {r.choice(TESTS)}"
        if kind == 7:
            return f"({one()})"
        if kind == 8:
            return f"({one()}).{r.choice(METHODS)}"
        if kind == 9:
            return f"{one()} if {one()} else {one()}" if r.random() < 0.7 else f"({one()} if {one()})"
        if kind == 10:
            return f"({one()})[{self.index()}]"
        if kind == 11:
            return f"[{one()}, {one()}]" if r.random() < 0.5 else "{'k': " + one() + ", 'a': " + one() + "}"
        if kind == 12:
            return ("not " if r.random() < 0.5 else "-") + one()
        return f"({one()}).{r.choice(['a', 'k', 'items', 'b', 'zz', 'n'])}"

    def index(self):
        r = self.random
        if r.random() < 0.4:
            return r.choice(["0", "-1", "1", "'a'", "'k'", "99", "i", "s"])
        part = lambda: r.choice(["", "", "0", "1", "-1", "2", "-3", "10"])
        return f"{part()}:{part()}" + (":" + r.choice(["", "1", "2", "-1", "-2"]) if r.random() < 0.4 else "")

    def template(self, depth):
        r = self.random
        parts = []
        for _ in range(r.randrange(1, 4)):
            kind = r.randrange(9) if depth > 0 else r.randrange(3)
            minus = lambda: r.choice(["", "", "-"])
            if kind == 0:
                parts.append(r.choice([" ", "\n", "a\n", "  b  ", "\n\n  ", "{", "}", "\tc"]))
            elif kind < 3:
                parts.append("{{" + minus() + " " + self.expression(2) + " " + minus() + "}}")
            elif kind == 3:
                parts.append("{%" + minus() + " if " + self.expression(2) + " " + minus() + "%}" + self.template(depth - 1) +
                             "{%" + minus() + " else %}" + self.template(depth - 1) + "{% endif " + minus() + "%}")
            elif kind == 4:
                target = r.choice(["v", "x", "i", "k, v"])
                parts.append("{%" + minus() + f" for {target} in " + self.expression(2) + r.choice(["", " if x", " if loop is defined"]) + " " +
                             minus() + "%}" + self.template(depth - 1) + r.choice(["", "{{ loop.index }}{{ loop.last }}", "{% break %}"]) +
                             "{%" + minus() + " endfor %}")
            elif kind == 5:
                parts.append("{% set " + r.choice(["x", "v", "s"]) + " = " + self.expression(3) + " " + minus() + "%}")
            elif kind == 6:
                parts.append("{% set x %}" + self.template(depth - 1) + "{% endset %}{{ x }}")
            elif kind == 7:
                parts.append("{% macro m(v, x=1) %}" + self.template(depth - 1) + "{% endmacro %}{{ m(" + self.expression(1) + ") }}")
            else:
                parts.append("{% generation %}" + self.template(depth - 1) + "{% endgeneration %}")
        return "".join(parts)


def broken(r, text):
    """The text with something cut, doubled or moved: both refuse it, or both read it alike."""
    for _ in range(r.randrange(1, 3)):
        at = r.randrange(len(text) + 1)
        end = min(len(text), at + r.randrange(6))
        text = r.choice([text[:at] + text[end:], text[:end] + text[at:], text[:at] + r.choice(list("{}%#-|.,()[]'\" \n=:~")) + text[at:]])
    return text


def main():
    warnings.simplefilter("ignore")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    grammar = Grammar(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    corpus = TEMPLATES.strip("\n").split("\n")
    cases = []
    for n in range(count):
        if n % 3 == 0:
            text = "{{ " + grammar.expression(4) + " }}"
        elif n % 3 == 1:
            text = grammar.template(3)
        else:
            text = broken(grammar.random, grammar.random.choice(corpus))
        cases.append((text, V))
    # Python prints addresses of generators and methods; the engine refuses to, as it does whole numbers beyond 64 bits.
    failed = oracle.compare(sys.argv[1], cases, allow_unimplemented=True)
    print(f"{len(cases)} cases, {failed} differ")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
