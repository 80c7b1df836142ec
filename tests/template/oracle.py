"""Jinja2 in the environment that Hugging Face renders chat templates in, and a way to hold the engine against it."""

import copy
import functools
import json
import re
import subprocess

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    """{% generation %} ... {% endgeneration %}: remembers which characters of the output its body made."""

    tags = {"generation"}

    def __init__(self, environment):
        super().__init__(environment)
        self.pieces = []
        self.spans = []

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_note", [])
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _note(self, caller):
        text = caller()
        begin = sum(map(len, self.pieces))
        if text:
            self.spans.append([begin, begin + len(text)])
        return text


def _tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def _environment():
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    return environment


ENVIRONMENT = _environment()


@functools.lru_cache(maxsize=64)
def _compiled(template):
    return ENVIRONMENT.from_string(template)


def normal(messages):
    """Messages as transformers (5.24) makes them before it renders: without null members, reasoning under the names templates read."""
    names = ("reasoning_content", "thinking", "reasoning")
    made = []
    for message in messages:
        message = {key: value for key, value in message.items() if value is not None}
        found = [message[name] for name in names if name in message]
        made.append({"thinking": found[0], **message, "reasoning_content": found[0]} if found else message)
    return made


def render(template, variables):
    """The text and the spans of its generation blocks, or None and the exception's text."""
    try:
        tracker = ENVIRONMENT.extensions[Generation.identifier]
        tracker.pieces, tracker.spans = [], []
        # Of their own: Jinja2's `indent` appends to a list that it is given.
        for piece in _compiled(template).generate(**copy.deepcopy(variables)):
            tracker.pieces.append(piece)
        return "".join(tracker.pieces), tracker.spans
    except Exception as error:  # whatever Python raises there
        return None, f"{type(error).__name__}: {error}"


def engine(binary, cases):
    """What the engine makes of (template, variables), as render() says it."""
    lines = "".join(json.dumps({"template": t, "variables": v}) + "\n" for t, v in cases)
    run = subprocess.run([binary], input=lines, capture_output=True, text=True, check=True)
    results = []
    for line in run.stdout.splitlines():
        result = json.loads(line)
        if "text" in result:
            results.append((result["text"], result["generations"]))
        else:
            results.append((None, f"{result['code']}: {result['error']}"))
    assert len(results) == len(cases)
    return results


def _merged(result):
    """Spans that overlap or touch (blocks inside each other) as one."""
    if result[0] is None:
        return result
    merged = []
    for begin, end in sorted(result[1]):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([begin, end])
    return result[0], merged


# Where Python raises later or not at all: a generator that nobody asks for its items, slices of constants, which Jinja's optimizer
# makes undefined while it raises for variables, and sets, which the engine does not have.
LENIENT = ("object is not iterable", "object cannot be sliced", "Can only get item pairs", "truncate: the value", "unhashable type",
           "'dict_items'")

# The tracker counts characters of the whole output, so that inside a macro or a captured block it is at the wrong place.
CAPTURED = re.compile(r"{%-?\s*(macro\b|set\s+\w+\s*-?%})")


def compare(binary, cases, allow_unimplemented=False):
    """Prints the cases that differ; their number."""
    failed = 0
    for (template, variables), ours in zip(cases, engine(binary, cases)):
        theirs = render(template, variables)
        if allow_unimplemented and ours[0] is None and ours[1].startswith(("UNIMPLEMENTED", "OUT_OF_RANGE", "RESOURCE_EXHAUSTED")):
            continue
        if allow_unimplemented and theirs[0] is not None and re.search("0x[0-9a-f]{8}", theirs[0], re.IGNORECASE):
            continue  # an address; and a generator that was never asked for its items raises nothing
        if theirs[0] is None and ours[0] is None:
            continue
        if allow_unimplemented and ours[0] is None and any(known in ours[1] for known in LENIENT):
            continue
        if theirs[0] is not None and ours[0] is not None and _merged(theirs) == _merged(ours):
            continue
        if allow_unimplemented and theirs[0] is not None and theirs[0] == ours[0] and CAPTURED.search(template):
            continue
        failed += 1
        if failed <= 40:
            print(f"--- {template!r}\n    with {json.dumps(variables)[:300]}\n    jinja2: {theirs!r}\n    engine: {ours!r}")
    return failed
