#!/usr/bin/env python3
"""Measures Hugging Face's tokenizers beside tokenizer_bench, on the same file and texts.

  tokenizer_bench.py --train OUT.json --vocab 151000 TEXT...     trains a byte-level BPE of Qwen's shape on texts
  tokenizer_bench.py --bench BAZEL_BIN/tests/bench/tokenizer_bench TOKENIZER.json TEXT...
"""

import argparse
import os
import subprocess
import sys
import time

R3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def train(out, vocab, texts):
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(R3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.train(texts, trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.save(out)
    print(out, tokenizer.get_vocab_size(), "tokens,", os.path.getsize(out), "bytes")


def bench(program, path, texts):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import tokenizers
    subprocess.run([program, path, *texts], check=True)
    begin = time.process_time()
    tokenizer = tokenizers.Tokenizer.from_file(path)
    print(f"tokenizers {tokenizers.__version__}: load {time.process_time() - begin:.3f} s")
    for name in texts:
        with open(name, encoding="utf-8", newline="") as f:
            text = f.read()
        documents = [text[i:i + 2000] for i in range(0, len(text), 2000)]
        best = 1e9
        for _ in range(3):
            begin = time.process_time()
            for document in documents:
                tokenizer.encode(document)
            best = min(best, time.process_time() - begin)
        print(f"tokenizers {tokenizers.__version__}: {name}: {len(text.encode()) / 1e6 / best:.1f} MB/s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--train")
    parser.add_argument("--vocab", type=int, default=151000)
    parser.add_argument("--bench")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    if options.train:
        train(options.train, options.vocab, options.files)
    else:
        bench(options.bench, options.files[0], options.files[1:])


if __name__ == "__main__":
    sys.exit(main())
