#!/usr/bin/env python3
"""Random data sets of every format, and what their rules make of them: tests/dataset/data/cases.json.

The rules are written here a second time, in Python and by themselves, so that the library is held against something that is not it:

  tools/goldens/dataset_cases.py > tests/dataset/data/cases.json

The tokenizer and the template are those of the tests: a token is a byte, 256 begins a text that no template made, 257 ends texts and
completions that are strings; a message is "<role>content;", an answer's content and ";" are trained.
"""
import argparse
import json
import random

BOS, EOS = 256, 257
WORDS = ["sun", "été", "the sky is", "日本", "a", "x y", "😀", "line\nbreak", "tab\t", "\"quoted\"", "back\\slash", "0", " lead", "trail "]


def text(rng, least=1):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, 4)))


def encode(string):
    return list(string.encode("utf-8"))


def plain(prompt, answer):
    """A text and its mask; the answer and the end are trained (without a prompt all of it)."""
    p, a = encode(prompt), encode(answer)
    return [BOS] + p + a + [EOS], [0] * (1 + len(p)) + [1] * (len(a) + 1)


def whole(string):
    ids = [BOS] + encode(string) + [EOS]
    return ids, [1] * len(ids)


def rendered(messages, trains):
    ids, mask = [], []
    for index, message in enumerate(messages):
        head = encode("<" + message["role"] + ">")
        body = encode((message.get("content") or "") + (calls(message)) + ";")
        ids += head + body
        on = message["role"] == "assistant" and trains(index)
        mask += [0] * len(head) + [1 if on else 0] * len(body)
    return ids, mask


def calls(message):
    if "tool_calls" not in message:
        return ""
    return json.dumps(message["tool_calls"], separators=(",", ":"), ensure_ascii=False)


def user(content):
    return {"role": "user", "content": content}


def assistant(content):
    return {"role": "assistant", "content": content}


def dialogue(rng):
    messages = [{"role": "system", "content": text(rng)}] if rng.random() < 0.4 else []
    for _ in range(rng.randint(1, 3)):
        messages += [user(text(rng)), assistant(text(rng))]
    return messages


def case_text(rng):
    string = text(rng)
    return {"text": string}, [whole(string)]


def case_messages(rng):
    messages = dialogue(rng)
    given, off = [], set()
    answers = [i for i, m in enumerate(messages) if m["role"] == "assistant"]
    for index, message in enumerate(messages):
        message = dict(message)
        if index in answers and len(answers) > 1 and index != answers[-1] and rng.random() < 0.3:
            message[rng.choice(["weight", "loss_mask"])] = 0
            off.add(index)
        if rng.random() < 0.3:
            cut = rng.randint(0, len(message["content"]))
            message["content"] = [{"type": "text", "text": message["content"][:cut]}, {"type": "text", "text": message["content"][cut:]}]
        given.append(message)
    return {"messages": given}, [rendered(messages, lambda i: i not in off)]


def case_sharegpt(rng):
    messages = dialogue(rng)
    speakers = {"system": ["system"], "user": ["human", "user"], "assistant": ["gpt", "chatgpt", "assistant"]}
    conversations, record = [], {}
    for message in messages:
        if message["role"] == "system" and rng.random() < 0.5:
            record["system"] = message["content"]
            continue
        conversations.append({"from": rng.choice(speakers[message["role"]]), "value": message["content"]})
    if rng.random() < 0.3:  # a tool is called and answers
        call = {"name": "f", "arguments": {"x": rng.randint(0, 9)}}
        conversations += [{"from": "human", "value": "go"}, {"from": "function_call", "value": json.dumps(call)},
                          {"from": "observation", "value": "seen"}, {"from": "gpt", "value": "done"}]
        messages += [user("go"), {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": call}]},
                     {"role": "tool", "content": "seen"}, assistant("done")]
    record["conversations"] = conversations
    broken = rng.random()
    if broken < 0.1:
        conversations.pop()
        return record, []
    if broken < 0.2:
        conversations.insert(1, {"from": "human", "value": "again"})
        turns = [c["from"] for c in conversations if c["from"] != "system"]
        assert len(turns) % 2 == 1
        return record, []
    return record, [rendered(messages, lambda i: True)]


def case_alpaca(rng):
    record = {"instruction": text(rng), "output": text(rng)}
    messages = []
    if rng.random() < 0.3:
        record["system"] = text(rng)
        messages.append({"role": "system", "content": record["system"]})
    if rng.random() < 0.3:
        record["history"] = [[text(rng), text(rng)] for _ in range(rng.randint(0, 2))]
        for question, answer in record["history"]:
            messages += [user(question), assistant(answer)]
    question = record["instruction"]
    if rng.random() < 0.6:
        record["input"] = rng.choice(["", text(rng)])
        if record["input"]:
            question += "\n" + record["input"]
    if rng.random() < 0.1:
        record["output"] = ""
        if not record.get("history"):
            return record, []
    messages += [user(question), assistant(record["output"])]
    return record, [rendered(messages, lambda i: True)]


def case_completion(rng):
    if rng.random() < 0.5:
        prompt, answer = text(rng), text(rng)
        return {"prompt": prompt, "completion": answer}, [plain(prompt, answer)]
    messages = dialogue(rng)
    return ({"prompt": messages[:-1], "completion": messages[-1:]}, [rendered(messages, lambda i: i == len(messages) - 1)])


def split_strings(chosen, rejected):
    """What two strings begin with: up to the first difference, less a space before it; all but one character where one ends first."""
    shorter = min(len(chosen), len(rejected))
    for at in range(shorter):
        if chosen[at] != rejected[at]:
            return at - 1 if at > 0 and chosen[at - 1] == " " else at
    return max(0, shorter - 1)


def case_preference(rng):
    kind = rng.random()
    if kind < 0.25:
        prompt, chosen, rejected = text(rng), text(rng), text(rng)
        return {"prompt": prompt, "chosen": chosen, "rejected": rejected}, [plain(prompt, chosen), plain(prompt, rejected)]
    if kind < 0.6:
        shared = text(rng, 0)
        chosen, rejected = shared + text(rng), shared + text(rng)
        at = split_strings(chosen, rejected)
        if not chosen[at:] or not rejected[at:]:
            return {"chosen": chosen, "rejected": rejected}, []
        return {"chosen": chosen, "rejected": rejected}, [plain(chosen[:at], chosen[at:]), plain(chosen[:at], rejected[at:])]
    messages = dialogue(rng)
    chosen, rejected = messages, messages[:-1] + [assistant(messages[-1]["content"] + " no")]
    last = lambda i: i == len(messages) - 1
    record = {"chosen": chosen, "rejected": rejected}
    if rng.random() < 0.5:
        record["prompt"] = messages[-2]["content"]
    return record, [rendered(chosen, last), rendered(rejected, last)]


def case_unpaired(rng):
    prompt, answer, label = text(rng), text(rng), rng.random() < 0.5
    return {"prompt": prompt, "completion": answer, "label": label}, [plain(prompt, answer) + (label,)]


def case_ids(rng):
    n = rng.randint(2, 20)
    ids = [rng.randint(0, 255) for _ in range(n)]
    masks = [[int(rng.random() < 0.6) for _ in range(n)] for _ in range(2)]
    record, mask = {"input_ids": ids}, [1] * n
    if rng.random() < 0.5:
        record["labels"] = [i if m else -100 for i, m in zip(ids, masks[0])]
        mask = masks[0]
    if rng.random() < 0.5:
        record["completion_mask"] = masks[1]
        mask = [a & b for a, b in zip(mask, masks[1])]
    return record, [(ids, mask)] if any(mask[1:]) else []


CASES = {"text": (case_text, "sft"), "messages": (case_messages, "sft"), "sharegpt": (case_sharegpt, "sft"), "alpaca": (case_alpaca, "sft"),
         "prompt_completion": (case_completion, "sft"), "preference": (case_preference, "dpo"), "unpaired": (case_unpaired, "kto"),
         "ids": (case_ids, "sft")}


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    out = []
    for name, (make, task) in CASES.items():
        rng = random.Random("horizon-lm " + name)
        lines, documents = [], []
        for _ in range(60):
            record, made = make(rng)
            # Both spellings of a character are JSON.
            lines.append(json.dumps(record, ensure_ascii=rng.random() < 0.5))
            for index, document in enumerate(made):
                ids, mask = document[0], document[1]
                desirable = document[2] if len(document) > 2 else not (task == "dpo" and index == 1)
                documents.append({"ids": ids, "trained": mask, "desirable": int(desirable)})
        out.append({"format": name, "task": task, "lines": lines, "documents": documents})
    print("[" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in out) + "]")


if __name__ == "__main__":
    main()
