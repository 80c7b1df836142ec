"""Messages as records have them: null members, reasoning under its names, answers that begin as the prompt goes on, results that name
their function, weights. Each case says the trained text of each range, worked out by hand."""

import json
import subprocess
import sys

import oracle
import shapes
import shapes_plain

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
ADDED = ["<|im_start|>", "<|im_end|>", "</s>", "<s>", "<|end|>", "<|call|>", "<|return|>", "<|start|>", "<|eot_id|>", "<|Assistant|>", "<turn|>"]

PRINTS_CONTENT = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% for c in m.tool_calls or [] %}({{ c.function.name }}){% endfor %}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
COUNTS_CALLS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if 'tool_calls' in m %}{{ m.tool_calls | length }}{% else %}{{ m.content }}{% endif %}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
BY_ID = "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.id }}{{ c.function.arguments | tojson }}{% endfor %}<|im_end|>{% endfor %}"
PRINTS_ALL = "{% for m in messages %}{{ m | tojson }}<|im_end|>{% endfor %}"
OPENS = "{%% for m in messages %%}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{%% endfor %%}{%% if add_generation_prompt %%}<|im_start|>assistant\n%s{%% endif %%}"
# Tagged; one block a turn and one behind the loop, or two blocks a turn.
TAGS_AND_END = "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|end|>{% endgeneration %}{% else %}{{ m.content }}<|end|>{% endif %}{% endfor %}{% if not add_generation_prompt %}{% generation %}</s>{% endgeneration %}{% endif %}"
TWO_TAGS = "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% generation %}<|end|>{% endgeneration %}{% else %}{{ m.content }}<|end|>{% endif %}{% endfor %}"
# Opens an answer whether it is asked to or not.
OPENS_NEXT = "{% for m in messages %}<|start|>{{ m.role }}:{{ m.content }}<|end|>{% endfor %}<|start|>assistant:"
FIRST = "{% if messages[0].role != 'system' %}<|im_start|>system\nBe good.<|im_end|>{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
CHANNEL = OPENS % "<|channel>thought\n"


def user(text):
    return {"role": "user", "content": text}


def answer(text, **more):
    return {"role": "assistant", "content": text, **more}


def call(name, arguments, **more):
    return {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": name, "arguments": arguments}}], **more}


# name, template, messages, the trained texts of each sequence, what is told as dropped, and what else is asked for
CASES = [
    # A member that is null is as one that is not there.
    ("null calls", COUNTS_CALLS, [{**user("Hi"), "tool_calls": None, "name": None}, answer("Yo", tool_calls=None)], [["Yo<|im_end|>"]], []),
    ("null beside a call", PRINTS_CONTENT, [user("Hi"), call("f", {"a": 1}, content=None), {"role": "tool", "content": "1"}, answer("One.")],
     [["(f)<|im_end|>", "One.<|im_end|>"]], [(1, "tool_calls", 1)]),
    ("null reasoning", shapes.CHATML_TAGS, [user("q"), answer("a", reasoning_content=None, thinking=None)], [["a<|im_end|>"]], []),
    ("null weight", PRINTS_CONTENT, [user("q"), answer("a", weight=None, train=None)], [["a<|im_end|>"]], []),
    # Three names, one thing.
    *[("reasoning as " + name, shapes.QWEN_THINKING, [user("q"), answer("a", **{name: "why"})],
       [["<think>\nwhy\n</think>\n\na<|im_end|>"]], []) for name in ("reasoning_content", "thinking", "reasoning")],
    ("reasoning for gpt-oss", shapes.HARMONY_TRAINING, [user("q"), answer("a", reasoning="why")],
     [["<|channel|>analysis<|message|>why<|end|><|start|>assistant<|channel|>final<|message|>a<|return|>"]], []),
    ("the first name counts", shapes.QWEN_THINKING, [user("q"), answer("a", reasoning="last", reasoning_content="first")],
     [["<think>\nfirst\n</think>\n\na<|im_end|>"]], [(1, "reasoning", 4)]),
    # An answer that begins as the prompt goes on.
    ("<answer>", OPENS % "<think>\n", [user("q"), answer("<answer>P</answer>")], [["<answer>P</answer><|im_end|>"]], []),
    ("half a marker", OPENS % "<think>\n", [user("q"), answer("<think")], [["<think<|im_end|>"]], []),
    ("Hello", OPENS % "Here are my steps:\n", [user("q"), answer("Hello.")], [["Hello.<|im_end|>"]], []),
    ("a channel", CHANNEL, [user("q"), answer("<|channel is a word")], [["<|channel is a word<|im_end|>"]], []),
    ("all of it", OPENS % "Hello", [user("q"), answer("Hell")], [["Hell<|im_end|>"]], []),
    ("the prompt's own", OPENS % "<think>\n", [user("q"), answer("<think>\nw</think>P")], [["w</think>P<|im_end|>"]], []),
    ("two turns", OPENS % "Here:\n", [user("q"), answer("He"), user("r"), answer("Hers")], [["He<|im_end|>", "Hers<|im_end|>"]], []),
    ("a letter of two bytes", OPENS % "\u00e9t\u00e9\n", [user("q"), answer("\u00e8")], [["\u00e8<|im_end|>"]], []),
    ("template's own words", shapes.THINK_OPENED, [user("q"), answer("a")], [["a<|im_end|>"]], []),
    # The header of a result names the function that was called.
    ("the name again", shapes.HARMONY_TRAINING, [user("q"), call("get_x", {"k": "v"}), {"role": "tool", "content": "21"}, answer("a")],
     [[' to=functions.get_x<|channel|>commentary json<|message|>{"k": "v"}<|call|>',
       "<|channel|>final<|message|>a<|return|>"]], []),
    ("tagged", shapes.HARMONY_TAGS, [user("q"), call("get_x", {}), {"role": "tool", "content": "21"}, answer("a")],
     [[" to=functions.get_x<|channel|>commentary json<|message|>{}<|call|>", "<|channel|>final<|message|>a<|return|>"]], []),
    # A tagged block that holds no message's words is of the turn before it, and a turn of several blocks is one range.
    ("the end of the text", TAGS_AND_END, [user("q"), answer("bad", weight=0), user("r"), answer("good")], [["good<|end|></s>"]], []),
    ("the end of a text whose last turn is out", TAGS_AND_END, [user("q"), answer("good"), user("r"), answer("bad", train=False)],
     [["good<|end|>"]], []),
    ("the end of the text, of the last turn", TAGS_AND_END, [user("q"), answer("a"), user("r"), answer("b")], [["b<|end|></s>"]], [],
     {"train_on": 1}),
    ("the end of a text that a question ends", TAGS_AND_END, [user("q"), answer("a"), user("r")], [["a<|end|>", "</s>"]], []),
    ("a turn in two blocks", TWO_TAGS, [user("q"), answer("a"), user("r"), answer("b")], [["a<|end|>", "b<|end|>"]], []),
    ("two answers that touch", TAGS_AND_END, [user("q"), answer("a"), answer("b")], [["a<|end|>", "b<|end|></s>"]], []),
    # A conversation that an answer begins, of a template that looks at the first message.
    ("a greeting", FIRST, [answer("Welcome."), user("q"), answer("a")], [["Welcome.<|im_end|>", "a<|im_end|>"]], []),
    ("a greeting by itself", FIRST, [answer("Welcome.")], [["Welcome.<|im_end|>"]], []),
    ("a greeting, unrolled", FIRST, [answer("Welcome."), user("q"), answer("a")], [["Welcome.<|im_end|>"], ["a<|im_end|>"]], [],
     {"mask": 3}),
    ("a greeting that is the prompt's", FIRST, [answer("Welcome.", train=False), user("q"), answer("a")], [["a<|im_end|>"]], []),
    # What stands behind a token that ends generation is not of the turn.
    ("the next turn's beginning", OPENS_NEXT, [user("q"), answer("a"), user("r"), answer("b")], [["a<|end|>"], ["b<|end|>"]], [],
     {"stop": ["<|end|>"]}),
    ("the text's end", shapes_plain.PHI3, [user("q"), answer("a")], [["a<|end|>"]], [], {"stop": ["</s>", "<|end|>"]}),
    ("the text's end ends it alone", shapes_plain.PHI3, [user("q"), answer("a")], [["a<|end|>\n</s>"]], [], {"stop": ["</s>"]}),
    # Words that do not come out.
    ("cut reasoning", shapes.R1_DISTILL, [user("q"), answer("<think>\nwhy so\n</think>\n\na")], [["\n\na</s>"]], [(1, "content", 20)]),
    ("lost calls", shapes_plain.LFM, [user("q"), call("f", {"key": "value"}, content="c")], [["c<|im_end|>"]], [(1, "tool_calls", 9)]),
    ("lost text", shapes_plain.LLAMA31, [user("q"), call("f", {"k": "v"}, content="let me see")],
     [['{"name": "f", "parameters": {"k": "v"}}<|eot_id|>']], [(1, "content", 8)]),
    ("markers are said again", shapes.QWEN_THINKING, [user("q"), answer("<think>\nwhy\n</think>\n\na")],
     [["<think>\nwhy\n</think>\n\na<|im_end|>"]], []),
    ("an empty thought", shapes.QWEN_THINKING, [user("q"), answer("<think>\n\n</think>\n\na")], [["<think>\n\n</think>\n\na<|im_end|>"]], []),
    ("white space is no word", shapes_plain.LLAMA3, [user("q"), answer("  a\n ")], [["a<|eot_id|>"]], []),
    ("escapes are the words'", shapes_plain.KIMI, [user("q"), call("f", {"a\"\n\u00e9": "\\\t\U0001f389"})],
     [['<|calls|><|call|>functions.f:0<|args|>{"a\\"\\n\u00e9": "\\\\\\t\U0001f389"}<|callsend|><|im_end|>']], []),
    ("an answer in the next turn", "{% for m in messages %}{% if m.role == 'user' %}[{{ messages[loop.index0 - 1].content if loop.index0 > 0 }}]{{ m.content }}{% else %}A<|im_end|>{% endif %}{% endfor %}{% if add_generation_prompt %}A{% endif %}",
     [user("q"), answer("abc"), user("r"), answer("x")], [["<|im_end|>"], ["<|im_end|>"]],
     [(1, "content", 3), (3, "content", 1)]),
    ("a name in the call's id", BY_ID, [user("q"), {"role": "assistant", "content": "", "tool_calls": [
        {"id": "functions.get_x:0", "function": {"name": "get_x", "arguments": {"k": "v"}}}]}], [['functions.get_x:0{"k": "v"}<|im_end|>']], []),
    ("an id without the name", BY_ID, [user("q"), {"role": "assistant", "content": "", "tool_calls": [
        {"id": "call_0", "function": {"name": "get_x", "arguments": {"k": "v"}}}]}], [['call_0{"k": "v"}<|im_end|>']], [(1, "tool_calls", 5)]),
    # Arguments as a string of JSON, and nulls that Arrow put in.
    ("arguments stay a string", shapes_plain.KIMI, [user("q"), call("f", '{"a":1}')],
     [['<|calls|><|call|>functions.f:0<|args|>{"a":1}<|callsend|><|im_end|>']], []),
    *[("arguments are parsed, " + kind, shapes_plain.KIMI, [user("q"), call("f", given)],
       [[f'<|calls|><|call|>functions.f:0<|args|>{printed}<|callsend|><|im_end|>']], [], {"parse": True})
      for kind, given, printed in (("an object", '{"a":1}', '{"a": 1}'), ("null in it is its writer's", '{"a":null}', '{"a": null}'),
                                   ("empty", "", "{}"), ("white space", " ", "{}"), ("a list", "[1,2]", "[1, 2]"),
                                   ("deep", '{"a":{"b":["\\u00e9",{}]}}', '{"a": {"b": ["\u00e9", {}]}}'))],
    *[("no arguments as a string stay, " + kind, shapes_plain.KIMI, [user("q"), call("f", given)],
       [[f'<|calls|><|call|>functions.f:0<|args|>{given}<|callsend|><|im_end|>']], [], {"drop_null": True})
      for kind, given in (("empty", ""), ("white space", " "))],
    ("nulls stay", shapes_plain.KIMI, [user("q"), call("f", {"a": None})],
     [['<|calls|><|call|>functions.f:0<|args|>{"a": null}<|callsend|><|im_end|>']], []),
    *[("nulls are dropped, " + kind, shapes_plain.KIMI, [user("q"), call("f", given)],
       [[f'<|calls|><|call|>functions.f:0<|args|>{printed}<|callsend|><|im_end|>']], [], {"drop_null": True, "parse": True})
      for kind, given, printed in (("beside others", {"a": None, "b": 1}, '{"b": 1}'), ("all", {"a": None}, "{}"),
                                   ("deep", {"a": {"b": None, "c": [None, {"d": None}]}}, '{"a": {"c": [null, {}]}}'),
                                   ("but not of a string", '{"a": null}', '{"a": null}'))],
    ("the old form of a call", "{% for m in messages %}{% if m.function_call %}{{ m.function_call.arguments | tojson }}{% else %}{{ m.content }}{% endif %}<|im_end|>{% endfor %}",
     [user("q"), {"role": "assistant", "function_call": {"name": "f", "arguments": '{"a":1}'}}], [['{"a": 1}<|im_end|>']],
     [(1, "tool_calls", 1)], {"parse": True}),
    # Weights.
    *[("taken out by " + name, PRINTS_CONTENT, [user("q"), answer("bad", **{name: value}), user("r"), answer("good", **{name: on})],
       [["good<|im_end|>"]], []) for name, value, on in (("weight", 0, 1), ("loss_weight", 0.0, 1.0), ("training", False, True),
                                                         ("train", False, True), ("loss_mask", 0, 1), ("loss_scale", 0.0, 1.0))],
]

ERRORS = [
    ("a weight that is none", PRINTS_CONTENT, [user("q"), answer("a", loss_weight=0.5)], 'message 1: "loss_weight" is 0.5, neither 0 nor 1'),
    ("a word for a weight", PRINTS_CONTENT, [user("q"), answer("a", training="no")], 'message 1: "training" is a str, neither 0 nor 1'),
    ("arguments that are no JSON", shapes_plain.KIMI, [user("q"), call("f", "{a}")],
     'message 1: the arguments of the tool call f: not valid JSON at byte 2; tool_arguments "keep" takes them as they are', {"parse": True}),
    ("a block of no turn", "{% generation %}<|end|>{% endgeneration %}" + TAGS_AND_END, [user("q"), answer("a", train=False), user("r"), answer("b")],
     "a {% generation %} block belongs to no message that can be told"),
    ("a first answer that says nothing", FIRST, [answer(""), user("q")], "message 0: the turn adds nothing"),
    ("a prompt that is refused", "{% if add_generation_prompt %}{{ raise_exception('no') }}{% endif %}" + PRINTS_CONTENT, [user("q"), answer("a")], "(in the prompt of message 1)"),
    # Words that are printed outside of what is trained only.
    ("reasoning outside of the tags", "{% for m in messages %}{{ m.reasoning_content }}{% if m.role == 'user' %}{{ m.content }}{% else %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% endif %}{% endfor %}",
     [user("q"), answer("a", thinking="why")], "message 1: 3 bytes that the assistant wrote would not be trained, from byte"),
]


def main():
    mask_lines = sys.argv[1]
    asked = [c[5] if len(c) > 5 else {} for c in CASES] + [c[4] if len(c) > 4 else {} for c in ERRORS] + [{"train_on": 3}] * len(CASES)
    requests = [(c[1], c[2]) for c in CASES + ERRORS] + [(PRINTS_ALL, c[2]) for c in CASES]
    lines = "".join(json.dumps({"template": t, "messages": m, "variables": SPECIAL, "added": ADDED, **more}) + "\n"
                    for (t, m), more in zip(requests, asked, strict=True))
    run = subprocess.run([mask_lines], input=lines, capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(results) == len(requests)
    bad = 0
    for (name, _, _, trained, dropped, *_), result in zip(CASES, results):
        sequences = result.get("sequences", [])
        got = [[s["text"].encode()[b:e].decode() for b, e in s["trained"]] for s in sequences]
        told = [(d["message"], d["field"], d["characters"]) for s in sequences for d in s["dropped"]]
        if got != trained or told != dropped:
            bad += 1
            print(f"--- {name}: {got}, dropped {told}\n    not {trained}, {dropped}\n    {result}")
    for (name, _, _, message, *_), result in zip(ERRORS, results[len(CASES):]):
        if message not in result.get("error", ""):
            bad += 1
            print(f"--- {name}: {result}")
    # What a template sees of a message, to the order of its members.
    for (name, _, messages, *_), result in zip(CASES, results[len(CASES) + len(ERRORS):]):
        seen = oracle.render(PRINTS_ALL, {"messages": oracle.normal(messages)})[0]
        if result["sequences"][0]["text"] != seen:
            bad += 1
            print(f"--- {name}: {result['sequences'][0]['text']}\n    Jinja2: {seen}")
    print(f"{len(requests)} conversations, {bad} complaints")
    return bad


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
