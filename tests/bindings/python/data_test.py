"""Tokenizers, templates and data sets: values that others made, and what is refused."""

import json
import os
import pathlib
import tempfile
import threading
import unittest
from array import array

import numpy as np

import horizonlm as hlm
import tiny

MODEL = os.environ["HLM_MODEL"]  # a token a byte; 256 to 258: <|im_start|>, <|im_end|>, <|end|>
GOLDENS = os.environ["HLM_TOKENIZER_GOLDENS"]
DIALOGUE = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]


class TokenizerTest(unittest.TestCase):
    def setUp(self):
        self.tokenizer = hlm.Tokenizer(MODEL)
        self.addCleanup(self.tokenizer.close)

    def test_what_hugging_face_makes(self):
        with open(GOLDENS, encoding="utf-8") as file:
            goldens = json.load(file)
        compared = 0
        with tempfile.TemporaryDirectory() as folder:
            for name, golden in goldens["cases"].items():
                whole = dict(golden["tokenizer"])
                whole["model"] = {**goldens["models"][golden["model"]], **whole["model"]}
                with open(folder + "/tokenizer.json", "w", encoding="utf-8") as file:
                    json.dump(whole, file)
                with hlm.Tokenizer(folder + "/tokenizer.json") as tokenizer, tokenizer.decoder() as decoder:
                    for text, ids, decoded, skipped in golden["texts"]:
                        with self.subTest(name, text=text):
                            self.assertEqual(list(tokenizer.encode(text)), ids)
                            self.assertEqual(tokenizer.decode(ids), decoded)
                            self.assertEqual(tokenizer.decode(ids, skip_special_tokens=True), skipped)
                            self.assertEqual("".join(decoder.push(id) for id in ids) + decoder.finish(), decoded)
                            compared += 1
        self.assertGreater(compared, 2000)

    def test_texts(self):
        self.assertEqual(list(self.tokenizer.encode("a\0é<|end|>")), [97, 0, 0xC3, 0xA9, 258])
        self.assertEqual(list(self.tokenizer.encode("é".encode())), [0xC3, 0xA9])
        self.assertEqual(list(self.tokenizer.encode("x<|end|>", plain=[(1, 8)])), [120, *b"<|end|>"])
        self.assertEqual(list(self.tokenizer.encode("")), [])
        self.assertEqual(self.tokenizer.decode([97, 0, 98]), "a\0b")
        self.assertEqual(self.tokenizer.decode(array("i", [97, 258]), skip_special_tokens=True), "a")
        self.assertEqual(self.tokenizer.encode_with_offsets("aé"), (array("i", [97, 0xC3, 0xA9]), [(0, 1), (1, 2), (1, 2)]))
        self.assertEqual(self.tokenizer.encode_with_offsets("aé", offsets_in="bytes").offsets, [(0, 1), (1, 3), (1, 3)])
        self.assertEqual(self.tokenizer.encode_with_offsets("😀a", offsets_in="utf16").offsets[4], (2, 3))
        self.assertEqual((self.tokenizer.token(258), self.tokenizer.id("<|end|>")), ("<|end|>", 258))
        about = self.tokenizer.describe()
        self.assertEqual((about["vocab_size"], about["special_tokens"]["eos_token"]), (259, "<|end|>"))

    def test_streaming(self):
        with self.tokenizer.decoder() as decoder:
            self.assertEqual([decoder.push(id) for id in "é".encode()], ["", "é"])
            self.assertEqual(decoder.push("ab".encode()[0]), "a")
            self.assertEqual(decoder.push([0xC3]), "")
            self.assertEqual(decoder.finish(), "\ufffd")
        decoder = self.tokenizer.decoder(True)
        self.tokenizer.close()  # the decoder outlives it
        self.assertEqual(decoder.push([258, 97]), "a")
        decoder.close()
        with self.assertRaisesRegex(hlm.FailedPreconditionError, "the decoder is closed"):
            decoder.push(97)

    def test_a_normalizer_that_makes_texts_longer(self):
        with open(MODEL + "/tokenizer.json") as file:
            whole = json.load(file)
        whole["normalizer"] = {"type": "Replace", "pattern": {"String": "x"}, "content": "y" * 50}
        with tempfile.TemporaryDirectory() as folder:
            with open(folder + "/tokenizer.json", "w") as file:
                json.dump(whole, file)
            with hlm.Tokenizer(folder) as tokenizer:
                self.assertEqual(list(tokenizer.encode("xx")), [121] * 100)

    def test_refused(self):
        with self.assertRaises(hlm.NotFoundError):
            hlm.Tokenizer("/no/such")
        with self.assertRaisesRegex(TypeError, "text is a int"):
            self.tokenizer.encode(5)
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "byte 1"):
            self.tokenizer.encode(b"a\xff")
        with self.assertRaises(UnicodeEncodeError):
            self.tokenizer.encode("\ud800")
        with self.assertRaisesRegex(TypeError, "no option 'special'"):
            self.tokenizer.encode("a", special=True)
        with self.assertRaisesRegex(ValueError, "offsets_in is 'words'"):
            self.tokenizer.encode_with_offsets("a", offsets_in="words")
        with self.assertRaisesRegex(TypeError, "ids must hold int32"):
            self.tokenizer.decode(array("f", [1]))
        for call in (lambda: self.tokenizer.token(9999), lambda: self.tokenizer.id("nope")):
            with self.assertRaises(hlm.NotFoundError):
                call()
        with self.assertRaisesRegex(TypeError, "a Tokenizer is wanted"):
            hlm.Decoder("x")
        self.tokenizer.close()
        with self.assertRaisesRegex(hlm.FailedPreconditionError, "the tokenizer is closed"):
            self.tokenizer.encode("a")

    def test_many_threads_use_one(self):
        wanted = list("the quick brown fox ".encode() * 50)
        wrong = []

        def run():
            for _ in range(20):
                if list(self.tokenizer.encode("the quick brown fox " * 50)) != wanted:
                    wrong.append(1)

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class TemplateTest(unittest.TestCase):
    def test_rendering(self):
        with hlm.Template.open(MODEL) as template:
            text = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n"
            self.assertEqual(template.render(DIALOGUE), text)
            self.assertEqual(template.render(json.dumps(DIALOGUE)), text)
            self.assertEqual(template.render(DIALOGUE[:1], add_generation_prompt=True), text[: text.index("yes")])
            self.assertEqual(template.describe()["names"], ["default"])
            training = template.render_training(DIALOGUE, train_on="last")
            (sequence,) = training["sequences"]
            self.assertEqual(sequence["text"], text)
            trained = "".join(sequence["text"].encode()[begin:end].decode() for begin, end in sequence["trained"])
            self.assertTrue(trained.startswith("yes<|im_end|>"), trained)
        with hlm.Template.create("{{ n }}{{ tools[0].name }}") as template:
            self.assertEqual(template.render([], variables_json={"n": 7}, tools_json=[{"name": "look"}]), "7look")

    def test_the_tokens_of_a_tokenizer(self):
        with hlm.Template.open(MODEL) as own, hlm.Tokenizer(MODEL) as tokenizer, hlm.Template.create("{{ eos_token }}") as alone:
            wanted = own.describe()
            self.assertEqual(alone.describe()["added_tokens"], [])
            with alone.with_tokenizer(tokenizer) as template:
                for what in ("special_tokens", "added_tokens", "stop_tokens"):
                    self.assertEqual(template.describe()[what], wanted[what])
                alone.close()
                self.assertEqual(template.render(DIALOGUE), wanted["special_tokens"]["eos_token"])
            with self.assertRaisesRegex(TypeError, "a Tokenizer is wanted"):
                own.with_tokenizer(MODEL)

    def test_refused(self):
        with self.assertRaises(hlm.NotFoundError):
            hlm.Template.open("/no/such")
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "line"):
            hlm.Template.create("{% for %}")
        with self.assertRaises(TypeError):
            hlm.Template()
        with hlm.Template.create("{{ raise_exception('no such role') }}") as template:
            with self.assertRaisesRegex(hlm.InvalidArgumentError, "no such role"):
                template.render(DIALOGUE)
        with hlm.Template.create("{% for i in range(1000) %}{% endfor %}") as template:
            with self.assertRaises(hlm.ResourceExhaustedError):
                template.render(DIALOGUE, max_iterations=10)
            with self.assertRaises(hlm.InvalidArgumentError):
                template.render("[{")
        with self.assertRaisesRegex(hlm.FailedPreconditionError, "the template is closed"):
            template.render(DIALOGUE)


class DatasetTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def write(self, *records, name="d.jsonl"):
        with open(f"{self.folder}/{name}", "w") as file:
            for record in records:
                file.write((record if isinstance(record, str) else json.dumps(record)) + "\n")
        return f"{self.folder}/{name}"

    def open(self, *records, **config):
        return hlm.Dataset({"data": self.write(*records), "model": MODEL, "seq_len": 128, "epochs": 1, "shuffle": False, **config})

    def test_a_record_is_shown_as_it_is_read(self) -> None:
        path = self.write({"text": "a", "score": float("nan")}, {"prompt": "p", "completion": "c", "by": "x"})
        self.assertEqual(hlm.Dataset.read_record({"data": path}, 0)["text"], "a")
        record = hlm.Dataset.read_record({"data": path}, 1)
        self.assertEqual((record["kind"], record["completion"]), ("completion", "c"))
        self.assertEqual([row["name"] for row in record["account"]], ["by"])
        with self.assertRaises(hlm.NotFoundError):
            hlm.Dataset.read_record({"data": path}, 2)

    def test_steps(self):
        with self.open({"prompt": "ab", "completion": "cd"}, {"prompt": "e", "completion": "f"}) as dataset:
            step = dataset.next(1)
            self.assertEqual(list(step.batch.ids), [*b"abcd", 258, *b"ef", 258])
            self.assertEqual(list(step.batch.offsets), [0, 5, 8])
            self.assertEqual(list(step.batch.labels), [-100, -100, *b"cd", 258, -100, *b"f", 258])
            self.assertEqual((list(step.numbers), list(step.desirable), list(step.rows), step.trained, step.epoch), ([0, 1], [1, 1], [0, 2], 5, 0))
            self.assertIsNone(dataset.next(1))
            self.assertEqual(list(step.batch.ids)[:2], [*b"ab"])  # its own arrays
            self.assertEqual(dataset.describe()["documents"], 2)

    def test_conversations_and_handles(self):
        with hlm.Tokenizer(MODEL) as tokenizer, hlm.Template.open(MODEL) as template:
            dataset = hlm.Dataset({"data": self.write({"messages": DIALOGUE}), "epochs": 1}, tokenizer, template)
        with dataset:  # tokenizer and template are closed
            (step,) = dataset.steps(1)
            self.assertEqual([label for label in step.batch.labels if label != -100][:4], [*b"yes", 257])

    def test_training_on_one(self):
        config = {**__import__("tiny").CONFIG, "vocab_size": 259}
        records = [{"text": "abcabcabc" + chr(97 + i)} for i in range(8)]
        with self.open(*records, epochs=0) as dataset, hlm.Model.create(config, 1) as model:
            with model.plan(device="cpu", batch_size=2, seq_len=128) as plan, hlm.Trainer(model, plan, lr=1e-2) as trainer:
                losses = [metrics.loss for metrics in trainer.fit(dataset.steps(2), steps=20, progress=False)]
                self.assertLess(losses[-1], losses[0] / 2)
                step = dataset.next(2)
                self.assertEqual(trainer.evaluate(step), trainer.evaluate(step.batch))
                self.assertEqual(trainer.evaluate([step, step]).tokens, 2 * step.trained)
                with self.assertRaisesRegex(TypeError, r"fit\(dataset\.steps\(rows\)\)"):
                    trainer.fit(dataset)

    def test_position_and_columns(self):
        records = [{"text": f"number {i}"} for i in range(40)]
        with self.open(*records, shuffle=True, seed=3) as one, self.open(*records, shuffle=True, seed=3) as two:
            one.next(1)
            position = one.position()
            wanted = one.next(2)
            two.seek(position)
            self.assertEqual(two.next(2).batch.ids, wanted.batch.ids)
            with self.assertRaises(hlm.InvalidArgumentError):
                two.seek("{}")
            with self.assertRaises(hlm.NotFoundError):
                one.read_column("ref", "w")
            values = array("f", [-i / 4 for i in range(40)])
            one.write_column("ref", "w", values)
            self.assertEqual(two.read_column("ref", "w"), values)
            with self.assertRaises(hlm.InvalidArgumentError):
                two.read_column("ref", "w", array("f", [0] * 39))

    def test_labels_and_mismatched_answers(self):
        records = [{"prompt": "p:", "completion": "one", "label": True}, {"prompt": "q:", "completion": "two", "label": False}]
        with self.open(*records, task="kto") as dataset:
            step = dataset.next(2)
            self.assertEqual(list(step.desirable), [1, 0])
            other = dataset.mismatched()
            self.assertEqual(list(other.batch.ids), [*b"p:two", 258, *b"q:one", 258])
        with self.open({"text": "a"}) as dataset:
            dataset.next(1)
            with self.assertRaises(hlm.FailedPreconditionError):
                dataset.mismatched()

    def test_records_of_memory(self):
        records = [{"text": "the quick brown fox"}, {"text": "jumps over the lazy dog"}] * 4
        tokenizer = hlm.Tokenizer(MODEL)
        config = {"seq_len": 32, "shuffle": False}
        path = pathlib.Path(self.write(*records))
        with hlm.Dataset({"data": path, **config}, tokenizer) as file, hlm.Dataset.of(iter(records), config, tokenizer) as memory:
            self.assertEqual(len(memory), len(file))
            self.assertEqual(len(memory), 8)
            self.assertRegex(repr(memory), "^<Dataset: 8 documents, [0-9,]+ tokens>$")
            self.assertEqual(memory.next(4).batch.ids, file.next(4).batch.ids)
            folder = memory._folder.peek()[1].__self__.name
            self.assertTrue(os.path.isdir(folder))
        self.assertFalse(os.path.exists(folder))
        for wrong in ([5], ["text"]):
            with self.assertRaisesRegex(TypeError, "record 0 is a"):
                hlm.Dataset.of(wrong, config, tokenizer)
        with self.assertRaisesRegex(ValueError, "beside the records"):
            hlm.Dataset.of(records, {"data": "x"}, tokenizer)
        with hlm.Dataset.of([{"text": np.str_("a b c"), "number": np.int64(3)}], config, tokenizer) as numbers:
            self.assertEqual(len(numbers), 1)

    def test_a_config_may_have_numbers_of_numpy(self):
        path = pathlib.Path(self.write({"text": "the quick brown fox"}))
        with hlm.Dataset({"data": path, "seq_len": np.int64(32), "evaluation": np.float32(0)}, hlm.Tokenizer(MODEL)) as dataset:
            self.assertEqual(len(dataset), 1)
            with self.assertRaisesRegex(TypeError, r"evaluate\(dataset\.steps\(rows\)\)"), tiny.trainer() as trainer:
                trainer.evaluate(dataset)
        with self.assertRaisesRegex(TypeError, "^holds a set, which is no JSON$"):
            hlm.Dataset({"data": {"x"}})
        for text in ("train.jsonl", pathlib.Path("train.jsonl")):
            with self.assertRaisesRegex(hlm.InvalidArgumentError, r"the configuration is 'train.jsonl', no mapping: a file is \{'data': 'train.jsonl'\}"):
                hlm.Dataset(text)

    def test_refused(self):
        with self.assertRaisesRegex(hlm.InvalidArgumentError, r"has templat \(did you mean template_\w+\?\)"):
            self.open({"text": "a"}, templat=1)
        with self.assertRaisesRegex(hlm.InvalidArgumentError, "d.jsonl:2"):
            self.open({"text": "a"}, "{not json")
        with self.assertRaisesRegex(hlm.FailedPreconditionError, "needs a chat template"):
            hlm.Dataset({"data": self.write({"messages": DIALOGUE})})
        with self.assertRaisesRegex(TypeError, "tokenizer is a str"):
            hlm.Dataset({"data": "x"}, MODEL)
        with self.open({"text": "a"}, cache_dir=None) as dataset:
            with self.assertRaises(hlm.InvalidArgumentError):
                dataset.next(0)
            with self.assertRaises(hlm.FailedPreconditionError):
                dataset.write_column("a", "b", array("f", [0]))
            with self.assertRaisesRegex(TypeError, "values must hold float32"):
                dataset.write_column("a", "b", array("H", [0]))
        with self.assertRaisesRegex(hlm.FailedPreconditionError, "the dataset is closed"):
            dataset.next(1)


if __name__ == "__main__":
    unittest.main()
