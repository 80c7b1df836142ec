"""Tokenizers in every combination of components that open models use, and the texts to try them on."""

import functools
import json
import random
import struct

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

R2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
R3 = R2.replace(r"\p{N}{1,3}", r"\p{N}")
R4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
R5 = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{SHORT}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{SHORT}|\p{{N}}{{1,3}}"
      r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
R6 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")
R7 = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
      r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
U8, L8 = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
R8 = (rf"[\p{{Han}}]+|[^\r\n\p{{L}}\p{{N}}]?{U8}*{L8}+{SHORT}|[^\r\n\p{{L}}\p{{N}}]?{U8}+{L8}*{SHORT}|\p{{N}}{{1,3}}"
      r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

WORDS = """the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you
were all her she there would their we him been has when who will no more if out so up said what its about than into them can only
other time new some could these two may first then do any like my now over such our man me even most made after also well did many
before must through years where much your way down should because long each just state those people too mr how little good world
make very year still see own work men day get here old life both between being under three never know same last another while us off
might great go come since against right came take used himself few house american use place during high without again home around
small however found mrs part school thought went say general once upon every left war don't until always away something fact though
water less public put think almost hand enough took head yet better set told nothing night end why find called didn't eyes asked
later knew point next program city business give group toward young let room given side days order tokenizer training language
model house's we'll I'm they've he'd international 1234 2024 3.14159 int main(void) { return 0; } for (i = 0; i < n; ++i) def f(x):
lambda über straße naïve café déjà vu garçon niño señor Ελληνικά λόγος русский язык привет мир это тест עברית שלום العربية مرحبا हिन्दी
नमस्ते ไทย สวัสดี 中文 你好 世界 语言 模型 训练 数据 我们 今天 天气 很好 機械学習 日本語 ひらがな カタカナ 東京 こんにちは 한국어 안녕하세요 세계 모델""".split()


def corpus(seed=0, lines=3000):
    rng = random.Random(seed)
    out = []
    for _ in range(lines):
        n = rng.randint(3, 14)
        separators = [" "] * 12 + ["  ", "\n", ", ", ". ", "\t", "! ", "", "(", "\n\n", " - "]
        line = "".join(rng.choice(WORDS) + rng.choice(separators) for _ in range(n))
        out.append(line[:1].upper() + line[1:])
    return out


NASTY = [
    " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\r", "\u0085", "\u00a0", "\u1680", "\u2003", "\u2028", "\u2029", "\u3000", "\u200b", "\ufeff",
    "\u200d", "\u200c", "\x00", "\x01", "\x7f", "\u00ad", "'s", "'S", "'t", "'LL", "'ve", "'\u017f", "\u2019s", "don't", "I'M", "\u212a", "\u017f", "a", "b", "A",
    "Z", "é", "e\u0301", "E\u0301\u0302", "\u0301", "\u0300\u0301", "ß", "ẞ", "İ", "ı", "ǅ", "ʰ", "ﬁ", "½", "²", "Ⅷ", "①", "１", "٣", "१२३", "0", "1", "12",
    "123", "1234", "12345678", "3.14", "1,000", "中", "中文字", "你好，世界", "、", "。", "々", "〇", "ー", "ひ", "が", "か\u3099", "ｶﾞ", "カタ", "한", "글",
    "\u1112\u1161\u11ab", "ไทย", "ำ", "ก็", "हिन्दी", "क्षि", "العربية", "שלום", "Привет", "ё", "Ελλάς", "ς", "😀", "👩‍👩‍👧", "🇩🇪", "👍🏽", "𝔘𝔫𝔦", "𠮷", "\U00030000",
    "\U0001d15e", "!", "?", ".", ",", "...", "--", "—", "_", "__init__", "#", "/", "//", "\\", "\"", "`", "```", "(", ")", "{", "}", "[]", "<", ">", "</s>", "<s>",
    "<unk>", "<pad>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>", "[ADD]", "[LSTRIP]", "[RSTRIP]", "[BOTH]", "[WORD]", "[word]",
    "xx", "xxx", "<0x41>", "<0xF0>", "▁", "▁▁", "▁the", "Ġ", "Ċ", "the", "The", " the", " of", "tokenizer", "international", "\U0010ffff", "\ufffd", "\uffff",
    "Ａ", "ａ", "™", "№", "㍿", "\u0344", "\u0f43", "\u2126", "Å", "\u1e9b\u0323", "q\u0307\u0323", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]


def texts(seed, n, docs=None):
    """n strings: joined nasty pieces, words, and mixtures. U+180E is left out: patterns differ there, as documented."""
    rng = random.Random(seed)
    docs = docs or corpus(seed + 1, 50)
    out = ["", " ", "a", "Hello world", "Hello, world! How's it going?\n\nFine.", "<s>Hello</s>", "a</s>b", "<s> Hello", " x", "x ", "\n"]
    while len(out) < n:
        kind = rng.random()
        if kind < 0.6:
            out.append("".join(rng.choice(NASTY) for _ in range(rng.randint(1, 12))))
        elif kind < 0.85:
            out.append("".join(rng.choice(NASTY) if rng.random() < 0.3 else rng.choice(WORDS) + " " for _ in range(rng.randint(1, 20))))
        else:
            out.append(rng.choice(docs))
    return out[:n]


SPECIALS = ["<unk>", "<s>", "</s>", "<pad>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def add_tokens(tokenizer, normalized=False):
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIALS])
    tokenizer.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    if normalized:
        tokenizer.add_tokens([AddedToken("[ADD]", normalized=True)])


def zoo(tokenizer):
    tokenizer.add_special_tokens([AddedToken("[LSTRIP]", lstrip=True, special=True), AddedToken("[RSTRIP]", rstrip=True, special=True, normalized=True)])
    tokenizer.add_tokens([AddedToken("[BOTH]", lstrip=True, rstrip=True), AddedToken("[WORD]", single_word=True, normalized=False),
                          AddedToken("xx", normalized=False), AddedToken("xxx", single_word=True, normalized=False), AddedToken("É", normalized=True),
                          AddedToken("of", single_word=True), AddedToken("  ", normalized=False), AddedToken("\n\n", normalized=False)])


VOCABULARY = 1.0  # share of the sizes below


def size(n):
    return int(n * VOCABULARY)


@functools.lru_cache(maxsize=None)
def trained(alphabet, vocab):
    """Vocabulary and merges of bytes, trained on stretches of a few characters: tokens cross words, so every cut shows."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"[^\n]{1,7}|\n+"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = trainers.BpeTrainer(vocab_size=vocab, special_tokens=[], show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else [])
    tokenizer.train_from_iterator(corpus(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(m) for m in model["merges"]]


def byte_level(regex, normalizer=None, template=None, ignore_merges=False, prefix_space=False, steps=None, alphabet=True, trim=False, **model):
    vocab, merges = trained(alphabet, size(1200))
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=ignore_merges, **model))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if regex is None and steps is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space, use_regex=True)
    else:
        steps = steps or [pre_tokenizers.Split(Regex(regex), "isolated")]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps + [pre_tokenizers.ByteLevel(add_prefix_space=prefix_space, use_regex=False)])
    add_tokens(tokenizer, normalizer is not None)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim)
    if template:
        around = processors.TemplateProcessing(single=template, special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<s>", "</s>")])
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=trim), around])
    return tokenizer


def spaces_bpe(prepend=True, metaspace=None, gemma=False, byte_fallback=True, fuse_unk=True, unk="<unk>"):
    tokenizer = Tokenizer(models.BPE())
    steps = [normalizers.Replace(" ", "▁")]
    if prepend:
        steps.insert(0, normalizers.Prepend("▁"))
    tokenizer.normalizer = normalizers.Sequence(steps) if metaspace is None and not gemma else (normalizers.Replace(" ", "▁") if gemma else None)
    if metaspace is not None:
        tokenizer.pre_tokenizer = metaspace
    if gemma:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    # Trained on words with the space in front: merges do not cross words, as in sentencepiece's own.
    trainee = Tokenizer(models.BPE())
    trainee.pre_tokenizer = pre_tokenizers.Metaspace()
    trainee.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=size(900), show_progress=False, limit_alphabet=150))
    data = json.loads(trainee.to_str())["model"]
    tokens = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if byte_fallback else [])
    tokens += sorted(data["vocab"], key=data["vocab"].get)
    merges = [tuple(m) for m in data["merges"]]
    if gemma:
        for run in ("\n", "▁"):
            for n in range(2, 9):
                tokens.append(run * n)
                if n == 2:
                    merges.append((run, run))
                else:
                    merges.append((run * (n - 1), run))
        tokens.append("\n") if "\n" not in tokens else None
    seen = {}
    for token in tokens:
        seen.setdefault(token, len(seen))
    tokenizer.model = models.BPE(vocab=seen, merges=[m for m in merges if m[0] in seen and m[1] in seen and m[0] + m[1] in seen],
                                 byte_fallback=byte_fallback, fuse_unk=fuse_unk, unk_token=unk)
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    if gemma:
        tokenizer.add_tokens([AddedToken(t, normalized=False) for t in ("\n\n", "\n\n\n", "▁▁", "<table>", "<think>")])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    chain = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if prepend:
        chain.append(decoders.Strip(" ", 1, 0))
    tokenizer.decoder = decoders.Sequence(chain)
    if metaspace is not None:
        tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def charsmap():
    """A small map of characters as sentencepiece compiles it: a darts-clone trie, built here by first fit."""
    rules = {"ﬁ": "fi", "①": "1", "½": "1/2", "\u3000": " ", "\u00a0": " ", "Ａ": "A", "ａ": "a", "™": "TM", "か\u3099": "が", "ｶﾞ": "ガ", "e\u0301": "é", "\x7f": "",
             "\t": " ", "\n": " ", "\r": " ", "\u200b": "", "㍿": "株式会社", "１": "1", "\ufeff": ""}
    blob, where = b"", {}
    for key, value in sorted(rules.items()):
        where[key.encode()] = len(blob)
        blob += value.encode() + b"\0"
    tree = {}
    for key, at in where.items():
        node = tree
        for byte in key:
            node = node.setdefault(byte, {})
        node[-1] = at
    units, used = {0: 0}, {0}

    def place(node, position):
        labels = sorted(label if label >= 0 else 0 for label in node)
        base = 1
        while True:
            if all((position ^ base) ^ label not in used for label in labels) and (base < (1 << 21)):
                break
            base += 1
        origin = position ^ base
        for label in labels:
            used.add(origin ^ label)
        has_leaf = -1 in node
        units[position] = units.get(position, 0) | (base << 10) | (int(has_leaf) << 8)
        if has_leaf:
            units[origin] = node[-1] | (1 << 31)
        for label, child in node.items():
            if label >= 0:
                units[origin ^ label] = label
                place(child, origin ^ label)

    place(tree, 0)
    size = (max(used) | 255) + 1
    trie = b"".join(struct.pack("<I", units.get(i, 0)) for i in range(size))
    return struct.pack("<I", len(trie)) + trie + blob


def unigram(normalizer=None, metaspace=None, byte_fallback=False, template="$A </s>"):
    trainee = Tokenizer(models.Unigram())
    trainee.pre_tokenizer = metaspace or pre_tokenizers.Metaspace()
    trainee.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=size(700), show_progress=False, unk_token="<unk>", special_tokens=["<unk>", "<s>", "</s>", "<pad>"]))
    data = json.loads(trainee.to_str())["model"]
    vocab = [tuple(piece) for piece in data["vocab"]]
    if byte_fallback:
        vocab += [(f"<0x{b:02X}>", -20.0) for b in range(256)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=0, byte_fallback=byte_fallback))
    tokenizer.pre_tokenizer = metaspace or pre_tokenizers.Metaspace()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>", "<pad>"])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=[("</s>", 2), ("<s>", 1)])
    return tokenizer


def patched(tokenizer, change):
    data = json.loads(tokenizer.to_str())
    change(data)
    return json.dumps(data, ensure_ascii=False)


def merges_as_strings(data):
    data["model"]["merges"] = [" ".join(m) for m in data["model"]["merges"]]


def empty_affixes(data):
    data["model"]["continuing_subword_prefix"] = ""
    data["model"]["end_of_word_suffix"] = ""


def unreachable_token(data):
    data["model"]["vocab"]["Ġinternationalization"] = max(data["model"]["vocab"].values()) + 500
    data["model"]["merges"] += [data["model"]["merges"][3], data["model"]["merges"][0]]  # the last of equal merges counts


def with_truncation(data):
    data["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    data["padding"] = {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"}


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=size(800), show_progress=False, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]"]))
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return tokenizer


def suffix_bpe():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"'s|'t|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True)])
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=size(800), show_progress=False, end_of_word_suffix="</w>", special_tokens=["<unk>", "<s>"]))
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    return tokenizer


def prefix_bpe():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=size(800), show_progress=False, continuing_subword_prefix="##", special_tokens=["<unk>"]))
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    return tokenizer


def word_level(pre):
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(corpus(), trainers.WordLevelTrainer(vocab_size=size(500), show_progress=False, special_tokens=["<unk>"]))
    return tokenizer


def text_cases():
    split = pre_tokenizers.Split
    deepseek = [split(Regex(r"\p{N}{1,3}"), "isolated"), split(Regex("[一-龥぀-ゟ゠-ヿ]+"), "isolated"), split(Regex(R6), "isolated")]
    normalize = {"NFC": normalizers.NFC(), "NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(), "NFKD": normalizers.NFKD()}
    meta = pre_tokenizers.Metaspace
    cases = {
        "gpt2": lambda: byte_level(None),
        "gpt2_prefix_space": lambda: byte_level(None, prefix_space=True, trim=True),
        "gpt2_old_file": lambda: patched(byte_level(None), lambda d: (merges_as_strings(d), d["model"].pop("type"))),
        "llama3": lambda: byte_level(R2, template="<s> $A", ignore_merges=True),
        "llama3_strings": lambda: patched(byte_level(R2, ignore_merges=True), lambda d: (merges_as_strings(d), unreachable_token(d))),
        "qwen2": lambda: patched(byte_level(R3, normalizer=normalizers.NFC()), empty_affixes),
        "qwen35": lambda: byte_level(R4, normalizer=normalizers.NFC()),
        "gpt_oss": lambda: byte_level(R5, ignore_merges=True),
        "deepseek": lambda: byte_level(None, normalizer=normalizers.Sequence([]), steps=deepseek),
        "tekken": lambda: byte_level(R7, template="<s> $A </s>", ignore_merges=True),
        "kimi": lambda: byte_level(R8),
        "byte_level_no_alphabet": lambda: byte_level(R2, alphabet=False),
        "byte_level_no_alphabet_unk": lambda: patched(byte_level(R2, alphabet=False), lambda d: d["model"].update(unk_token="a", fuse_unk=True)),
        "truncation": lambda: patched(byte_level(R2, template="<s> $A"), with_truncation),
        "llama2": lambda: spaces_bpe(),
        "llama2_metaspace_first": lambda: spaces_bpe(metaspace=meta(prepend_scheme="first", split=False)),
        "llama2_metaspace_always": lambda: spaces_bpe(metaspace=meta(prepend_scheme="always", split=True)),
        "llama2_no_bytes": lambda: spaces_bpe(byte_fallback=False),
        "llama2_no_fuse": lambda: spaces_bpe(byte_fallback=False, fuse_unk=False),
        "llama2_no_unk": lambda: spaces_bpe(byte_fallback=False, unk=None),
        "gemma": lambda: spaces_bpe(prepend=False, gemma=True),
        "unigram": lambda: unigram(),
        "unigram_bytes": lambda: unigram(byte_fallback=True, metaspace=meta(prepend_scheme="never")),
        "unigram_first": lambda: unigram(metaspace=meta(prepend_scheme="first"), template="<s> $A </s>"),
        "unigram_old_spelling": lambda: patched(unigram(), lambda d: (d["pre_tokenizer"].pop("prepend_scheme"), d["pre_tokenizer"].pop("split"),
                                                                      d["pre_tokenizer"].update(add_prefix_space=True))),
        "t5": lambda: patched(unigram(normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])), lambda d: None),
        "precompiled": lambda: unigram(normalizer=normalizers.Precompiled(charsmap())),
        "albert": lambda: unigram(normalizer=normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(),
                                                                   normalizers.Lowercase(), normalizers.Precompiled(charsmap())]), template="<s> $A </s>"),
        "strip": lambda: unigram(normalizer=normalizers.Strip(), metaspace=meta(prepend_scheme="first")),
        "zoo": lambda: with_zoo(byte_level(R2)),
        "zoo_nfc": lambda: with_zoo(byte_level(R3, normalizer=normalizers.NFC())),
        "zoo_llama2": lambda: with_zoo(spaces_bpe()),
        "zoo_lower": lambda: with_zoo(byte_level(None, normalizer=normalizers.Lowercase())),
        "wordpiece": wordpiece,
        "suffix": suffix_bpe,
        "prefix": prefix_bpe,
        "roberta": lambda: with_roberta(byte_level(None, prefix_space=True)),
        "byte_level_then_digits": lambda: byte_then(pre_tokenizers.Digits(individual_digits=True)),
        "whitespace_split": lambda: word_level(pre_tokenizers.WhitespaceSplit()),
        "whitespace": lambda: word_level(pre_tokenizers.Whitespace()),
        "digits_punctuation": lambda: word_level(pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(), pre_tokenizers.Punctuation("contiguous")])),
        "delimiter": lambda: word_level(pre_tokenizers.CharDelimiterSplit("a")),
        "chinese_bert": lambda: word_level(pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer()])),
    }
    for name, form in normalize.items():
        cases[name.lower()] = lambda form=form: byte_level(R2, normalizer=form)
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            cases[f"split_{behavior}{'_invert' if invert else ''}"] = (
                lambda behavior=behavior, invert=invert: byte_level(None, steps=[split(Regex(r"\s|[.,]"), behavior, invert=invert)]))
    return cases


def with_zoo(tokenizer):
    zoo(tokenizer)
    return tokenizer


def with_roberta(tokenizer):
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")))
    return tokenizer


def byte_then(step):
    tokenizer = byte_level(R2)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(add_prefix_space=True), step])
    return tokenizer


def json_of(made):
    return made if isinstance(made, str) else made.to_str()
