#!/usr/bin/env python3
"""Writes tests/text/goldens/folders.json: folders with older tokenizer files, and what transformers makes of them.

  python3 -m venv v && v/bin/pip install transformers==5.24.0 sentencepiece==0.2.3 && v/bin/python tools/goldens/tokenizers/make_folder_goldens.py

"files": a text, or base64 of bytes. A case: {"files": {name: key of files, or the file's JSON}, "texts": [[text, ids, decoded, decoded
without special tokens]], "special": {role: token}}.
"""

import argparse
import base64
import glob
import io
import json
import os
import random
import tempfile

import cases
import sentencepiece
import tokenizers
import transformers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
FILES = {}


def corpus():
    lines = []
    for path in sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))[:12]:
        with open(path, encoding="utf-8") as file:
            lines += [line.rstrip("\n") for line in file if line.strip()]
    lines += ["Übergrößenträger und Straßenbäume", "naïve café déjà vu", "日本語のテキストです。数字 12345", "Привет, мир", "def f(x):\n    return x"] * 5
    return lines


def keep(name, data):
    FILES[name] = {"base64": base64.b64encode(data).decode()} if isinstance(data, bytes) else {"text": data}
    return name


def sentencepiece_model(name, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_writer=model, minloglevel=2, num_threads=1,
                                             hard_vocab_limit=False, **options)
    return keep(name, model.getvalue())


def charsmap():
    """A small table for SentencePiece's normalizer: two ligatures, full-width letters, a capital, one that goes away."""
    rules = [("ﬁ", "fi"), ("ﬂ", "fl"), ("Ａ", "A"), ("Ｂ", "B"), ("Ä", "ä"), ("\u200b", ""), ("①", "1"), ("\t", " "), ("\u00a0", " ")]
    path = tempfile.mktemp(suffix=".tsv")
    with open(path, "w", encoding="utf-8") as file:
        for source, target in rules:
            file.write(" ".join("%X" % ord(c) for c in source) + "\t" + " ".join("%X" % ord(c) for c in target) + "\n")
    return path


def models():
    llama = dict(model_type="bpe", vocab_size=500, byte_fallback=True, split_digits=True, normalization_rule_name="identity",
                 remove_extra_whitespaces=False, allow_whitespace_only_pieces=True)
    sentencepiece_model("llama", **llama)
    sentencepiece_model("mistral", **llama, control_symbols=["[INST]", "[/INST]"])
    sentencepiece_model("user", **llama, user_defined_symbols=["<|im_start|>", "<|im_end|>", "\u2581\u2581\u2581\u2581", "foo.bar*", "12"])
    sentencepiece_model("gemma", **{**llama, "add_dummy_prefix": False}, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>",
                        bos_piece="<bos>", eos_piece="<eos>",
                        user_defined_symbols=["<mask>", "<start_of_turn>", "<end_of_turn>", "\t", "\u2581\u2581", "\u2581\u2581\u2581"])
    rules = charsmap()
    sentencepiece_model("unigram", model_type="unigram", vocab_size=420, normalization_rule_tsv=rules)
    sentencepiece_model("unigram_bytes", model_type="unigram", vocab_size=600, byte_fallback=True, normalization_rule_name="identity",
                        add_dummy_prefix=False, remove_extra_whitespaces=False)
    sentencepiece_model("bpe_unknown", model_type="bpe", vocab_size=420, normalization_rule_tsv=rules, bos_id=-1,
                        user_defined_symbols=["<sep>"])
    for name, special in (("gpt2", ["<|endoftext|>"]), ("qwen2", [])):
        trained = tokenizers.ByteLevelBPETokenizer()
        trained.train_from_iterator(corpus(), vocab_size=450, min_frequency=2, special_tokens=special, show_progress=False)
        folder = tempfile.mkdtemp()
        trained.save_model(folder)
        for file in ("vocab.json", "merges.txt"):
            with open(os.path.join(folder, file), encoding="utf-8") as opened:
                keep(name + "/" + file, opened.read())


def token(content, **rules):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, **rules}


def folders():
    """name: (model, tokenizer_config.json, config.json's model type, other files)"""
    llama = {"tokenizer_class": "LlamaTokenizer"}
    typed = {"__type": "AddedToken", **token("<s>", normalized=True)}
    size = {"llama": 500, "gpt2": 450, "qwen2": 450}
    qwen = {"tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": False, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
            "bos_token": None, "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
            "added_tokens_decoder": {str(size["qwen2"] + i): token(c, special=i < 3)
                                     for i, c in enumerate(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"])}}
    return {
        "llama_2": ("llama", {**llama, "add_bos_token": True, "add_eos_token": False, "bos_token": typed, "eos_token": "</s>",
                              "unk_token": "<unk>", "legacy": False}, "llama", {}),
        "llama_legacy": ("llama", {**llama, "legacy": True, "add_bos_token": True, "add_eos_token": True}, "llama", {}),
        "llama_nothing_said": ("llama", {**llama}, "llama", {}),
        "llama_added": ("llama", {**llama, "add_bos_token": True}, "llama", {
            "special_tokens_map.json": {"bos_token": token("<s>"), "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"},
            "added_tokens.json": {"<pad>": 500, "<x>": 501, "two words": 502}}),
        "llama_decoder": ("llama", {**llama, "legacy": False, "add_bos_token": True, "pad_token": "<|pad|>", "added_tokens_decoder": {
            "0": token("<unk>", special=True), "1": token("<s>", special=True), "2": token("</s>", special=True),
            "500": token("<|pad|>", special=True), "501": token("<|mine|>", special=False, lstrip=True, rstrip=True),
            "502": token("word", special=False, single_word=True, normalized=True)}}, "llama", {}),
        "llama_no_prefix": ("llama", {**llama, "add_prefix_space": False, "additional_special_tokens": ["<more>"]}, "llama", {}),
        "llama_fast_null": ("llama", {"tokenizer_class": "LlamaTokenizerFast", "legacy": None, "bos_token": None}, "llama", {}),
        "llama_model_alone": ("llama", None, None, {}),
        "mistral": ("mistral", {**llama, "add_bos_token": True, "legacy": False}, "mistral", {}),
        "mistral_alone": ("mistral", None, "mistral", {}),
        "mistral_renamed": ("mistral", {**llama, "add_bos_token": True, "added_tokens_decoder": {
            "1": token("<s>", special=True), "3": token("<|a|>", special=True), "4": token("<|b|>", special=False),
            "500": token("<|new|>", special=True, normalized=True)}}, "mistral", {}),
        "user_llama": ("user", {**llama, "add_bos_token": True}, "llama", {}),
        "user_general": ("user", {}, "internlm2", {}),
        "user_first": ("user", {"legacy": False, "add_bos_token": True}, "phi3", {}),
        "gemma": ("gemma", {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True}, "gemma", {}),
        "gemma_alone": ("gemma", None, "gemma2", {}),
        "gemma_turns": ("gemma", {"tokenizer_class": "GemmaTokenizerFast", "add_bos_token": True, "eos_token": "<end_of_turn>",
                                  "additional_special_tokens": ["<start_of_turn>", "<end_of_turn>"]}, "gemma3_text", {}),
        "unigram": ("unigram", {"add_bos_token": True, "add_eos_token": True}, "llama", {}),
        "unigram_bytes": ("unigram_bytes", None, "mistral", {}),
        "bpe_unknown": ("bpe_unknown", {"legacy": False}, "granite", {}),
        "bpe_unknown_named": ("bpe_unknown", {"tokenizer_class": "XenonTokenizer", "pad_token": "<sep>"}, None, {}),
        "gpt2": ("gpt2", None, "gpt2", {}),
        "gpt2_bos": ("gpt2", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "add_prefix_space": True,
                              "unk_token": {"__type": "AddedToken", **token("<|endoftext|>", normalized=True)}}, "gpt2", {}),
        "gpt2_codegen": ("gpt2", {"tokenizer_class": "CodeGenTokenizer", "added_tokens_decoder": {
            "0": token("<|endoftext|>", special=True), "450": token("    ", special=False, normalized=True),
            "451": token("\t\t", special=False, normalized=True)}}, "phi", {}),
        "gpt2_neox": ("gpt2", {"tokenizer_class": "GPTNeoXTokenizerFast", "add_bos_token": True}, "gpt_neox", {}),
        "gpt2_olmo": ("gpt2", None, "olmo", {}),
        "gpt2_smollm": ("gpt2", {"tokenizer_class": "GPT2Tokenizer", "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
                                 "eos_token": "<|im_end|>", "image_token": "<image>"}, "smollm3", {}),
        "qwen2": ("qwen2", qwen, "qwen2", {}),
        "qwen3": ("qwen2", qwen, "qwen3", {}),
        "qwen2_alone": ("qwen2", None, "qwen2_moe", {}),
        "qwen2_older": ("qwen2", {"tokenizer_class": "Qwen2Tokenizer"}, "qwen2", {
            "added_tokens.json": {"<|im_end|>": 452, "<|im_start|>": 451, "<|endoftext|>": 450, "<tool>": 453},
            "special_tokens_map.json": {"eos_token": token("<|im_end|>", rstrip=True),
                                        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}}),
    }


SPECIALS = ["<s>", "</s>", "<unk>", "<pad>", "<x>", "two words", "<|mine|>", "<|pad|>", "word", "[INST]", "[/INST]", "<|a|>", "<|b|>", "<|new|>",
            "<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<mask>", "<sep>", "<|endoftext|>", "<think>",
            "    ", "\t", "\u2581", "\u2581\u2581\u2581\u2581", "foo.bar*", "12", "<0x41>", "<more>", "<image>", "ﬁ", "\u200b", "Ä"]


def texts(seed):
    rng = random.Random(seed)
    out = ["", " ", "  two  spaces ", "Hello, world! It's 12345.", "\n\nx\r\n", "\u2581under", "日本語と🙂‍🔥 e\u0301", "a</s>b", "<s>Hello", "<s> Hello",
           "\u00a0nbsp\u3000wide", "\u2581\u2581\u2581\u2581\u2581 4", "foo.bar*foo bar", "words word sword", "x   <|im_end|>   y"]
    pieces = SPECIALS + ["the ", "optimizer ", " ", "  ", "\n", "größe", "Привет", "日本", "x", "42", ".", "'ll", "é", "🙂", "_", "return "]
    for _ in range(25):
        out.append("".join(rng.choice(pieces) for _ in range(rng.randint(1, 12))))
    return out


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    transformers.logging.set_verbosity_error()
    models()
    out = {"made_with": "transformers %s, tokenizers %s, sentencepiece %s" % (transformers.__version__, tokenizers.__version__,
                                                                             sentencepiece.__version__), "cases": {}}
    for i, (name, (model, config, kind, more)) in enumerate(folders().items()):
        files = {"vocab.json": model + "/vocab.json", "merges.txt": model + "/merges.txt"}
        if model in FILES:
            files = {"tokenizer.model": model}
        given = dict(more)
        if config is not None:
            given["tokenizer_config.json"] = config
        if kind is not None:
            given["config.json"] = {"model_type": kind}
        folder = tempfile.mkdtemp()
        for file, key in files.items():
            data = FILES[key]
            with open(os.path.join(folder, file), "wb") as opened:
                opened.write(base64.b64decode(data["base64"]) if "base64" in data else data["text"].encode())
        for file, data in given.items():
            with open(os.path.join(folder, file), "w", encoding="utf-8") as opened:
                json.dump(data, opened)
        made = transformers.AutoTokenizer.from_pretrained(folder)
        rows = []
        for text in texts(i):
            ids = made.encode(text)
            decode = made.backend_tokenizer.decode
            rows.append([text, ids, decode(ids, skip_special_tokens=False), decode(ids)])
        special = {role: str(value) for role, value in made.special_tokens_map.items() if isinstance(value, str)}
        out["cases"][name] = {"class": type(made).__name__, "files": files, "json": given, "special": special, "texts": rows}
    out["files"] = FILES
    with open(os.path.join(ROOT, "tests", "text", "goldens", "folders.json"), "w", encoding="utf-8") as file:
        json.dump(out, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
