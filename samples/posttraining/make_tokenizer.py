#!/usr/bin/env python3
"""Writes tokenizer.json beside this script: a byte-level BPE of 1,024 tokens, learnt from the sample data and this project's pages.

Needs the package `tokenizers` from PyPI. The file is committed; run this only to change it.
"""
import argparse
import glob
import json
import os

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def texts():
    for path in sorted(glob.glob(ROOT + "/samples/data/*.jsonl")):
        for line in open(path, encoding="utf-8"):
            for messages in json.loads(line).values():
                for message in messages:
                    yield message["content"]
    for path in [ROOT + "/README.md"] + sorted(glob.glob(ROOT + "/docs/*.md")):
        yield open(path, encoding="utf-8").read()


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts(), trainers.BpeTrainer(
        vocab_size=1024, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.save(os.path.join(HERE, "tokenizer.json"))


if __name__ == "__main__":
    main()
