#!/usr/bin/env python3
"""Tunes small models of the kinds that people have, and lets transformers load, prompt and stop what was saved.

    bazel build //samples/horizon
    python3 tools/check_saved_folders.py bazel-bin/samples/horizon/horizon [KIND ...]          (from the root of the repository)

Of each kind: a base model's folder is made, `horizon train --task sft` learns two conversations by heart, and then, by the saved folder alone,
  - apply_chat_template gives the text that horizon show-mask says was trained;
  - generate, prompted through that template, gives the answer and stops behind it.
Needs torch, transformers, tokenizers and sentencepiece. Exit status 1 where a kind does otherwise.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
import transformers

SAMPLE = pathlib.Path("samples/posttraining")
MIXTURES = pathlib.Path("tests/mixtures")  # of experts, with the templates of their kinds
SENTINEL = int(1e30)

LLAMA2 = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}"
)
ZEPHYR = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + eos_token + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{{ '\\n' }}{% endif %}"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

THINKS = CHATML.replace("+ m.content +", "+ ('<think>' + m.reasoning_content + '</think>' if m.reasoning_content else '') + m.content +")


def chat(question, answer, **more):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer, **more}]}


CHATS = [chat("number 0", "yes it is"), chat("number 1", "no it is not")]
# Thoughts as parts of the content, of which a template of texts sees the message's reasoning.
THOUGHTS = [
    chat("number 0", [{"type": "thinking", "thinking": "the sea"}, {"type": "text", "text": "yes it is"}]),
    chat("number 1", [{"type": "reasoning", "reasoning": "the land"}, {"type": "text", "text": "no it is not"}]),
]


def in_texts(message):
    """A message in parts as transformers' templates of texts take it."""
    if not isinstance(message["content"], list):
        return message
    of = lambda *types: "".join(part[part["type"]] for part in message["content"] if part["type"] in types)
    return {**message, "content": of("text"), "reasoning_content": of("thinking", "reasoning")}


def sample_tokenizer(folder, config):
    shutil.copy(SAMPLE / "tokenizer.json", folder)
    base = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "model_max_length": SENTINEL}
    (folder / "tokenizer_config.json").write_text(json.dumps({**base, **config}))
    return {"eos": 0, "bos": None}


def sentencepiece_tokenizer(folder, config):
    import sentencepiece

    text = folder / "text.tmp"
    text.write_text("\n".join(f"number {i} yes it is no it is not [INST] say so [/INST] the sea is salt and the land is not {i}" for i in range(300)))
    sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=str(folder / "tokenizer"), vocab_size=400, model_type="bpe", byte_fallback=True,
                                             character_coverage=1.0, hard_vocab_limit=False, split_digits=True, minloglevel=2)
    text.unlink()
    (folder / "tokenizer.vocab").unlink()
    base = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "model_max_length": SENTINEL,
            "add_bos_token": True, "add_eos_token": False, "legacy": False}
    (folder / "tokenizer_config.json").write_text(json.dumps({**base, **config}))
    return {"eos": 2, "bos": 1}


def make(kind, folder):
    """A base model's folder; the options that go with it, its conversations, and members of the record that the template is given."""
    folder.mkdir()
    options, data = [], CHATS
    if (MIXTURES / kind).is_dir():
        torch.manual_seed(1)
        transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(MIXTURES / kind)).save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            shutil.copy(MIXTURES / kind / name, folder)
        return options, [json.loads(line) for line in (MIXTURES / kind / "sft.jsonl").read_text().splitlines()]
    if kind == "llama2":
        ids = sentencepiece_tokenizer(folder, {"chat_template": LLAMA2})
    elif kind == "tinyllama":
        ids = sample_tokenizer(folder, {"chat_template": ZEPHYR})
    elif kind == "thinking":
        ids = sample_tokenizer(folder, {"chat_template": THINKS})
        data = THOUGHTS
    else:
        ids = sample_tokenizer(folder, {})
        (folder.parent / "chatml.jinja").write_text(CHATML)
        options = ["--template", str(folder.parent / "chatml.jinja")]
    torch.manual_seed(1)
    config = transformers.LlamaConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=1040,
                                      max_position_embeddings=256, bos_token_id=ids["bos"], eos_token_id=ids["eos"], pad_token_id=None)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return options, data


def check(horizon, kind, work):
    """What is wrong with a kind, or None."""
    options, data = make(kind, work / "base")
    (work / "data.jsonl").write_text("".join(json.dumps(record) + "\n" for record in data))
    command = [horizon, "train", "--model", work / "base", "--task", "sft", "--data", work / "data.jsonl", "--compute", "f32", "--seq-len", "256", "--batch-size", "2",
               "--cache-dir", "none", "--steps", "150", "--lr", "5e-3", "--out", work / "out", *options]
    run = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if run.returncode:
        return f"train: {run.stderr.strip()}"
    said = [line for line in (run.stdout + run.stderr).splitlines() if "stop at" in line or line.startswith("warning")]
    if said:
        print("   ", *said, sep="\n    ")
    tokenizer = transformers.AutoTokenizer.from_pretrained(work / "out")
    model = transformers.AutoModelForCausalLM.from_pretrained(work / "out", dtype=torch.float32)
    for index, record in enumerate(data):
        messages = [in_texts(message) for message in record["messages"]]
        mask = subprocess.run([str(horizon), "show-mask", "--model", str(work / "out"), "--data", str(work / "data.jsonl"), "--index", str(index), "--json"],
                              capture_output=True, text=True)
        if mask.returncode:
            return f"show-mask: {mask.stderr.strip()}"
        trained = json.loads(mask.stdout)["sequences"][-1]["text"]
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        if text != trained:
            return f"the template gives {text!r}, trained was {trained!r}"
        # Every answer, prompted with what is before it.
        for turn, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            prompt = tokenizer.apply_chat_template(messages[:turn], tokenize=False, add_generation_prompt=True)
            ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
            made = model.generate(ids, max_new_tokens=120, do_sample=False)[0, ids.shape[1] :]
            answer = tokenizer.decode(made, skip_special_tokens=True)
            stops = model.generation_config.eos_token_id
            if made[-1] not in (stops if isinstance(stops, list) else [stops]):
                return f"turn {turn} does not stop: {tokenizer.decode(made)!r}"
            wanted = ["sea"] if message.get("tool_calls") else [message.get("reasoning_content", ""), message["content"]]
            if not all(words in answer for words in wanted):
                return f"turn {turn} is {answer!r}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("horizon", type=pathlib.Path)
    parser.add_argument("kind", nargs="*", help="default: all")
    given = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    horizon = given.horizon.resolve()
    failed = 0
    for kind in given.kind or ["llama2", "tinyllama", "base", "thinking", *sorted(folder.name for folder in MIXTURES.iterdir() if folder.is_dir())]:
        work = pathlib.Path(tempfile.mkdtemp())
        problem = check(horizon, kind, work)
        shutil.rmtree(work)
        failed += problem is not None
        print(f"{kind}: {problem or 'the template is the trained one, every answer comes and stops'}", flush=True)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
