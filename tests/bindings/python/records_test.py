"""Records from Parquet, Arrow, `datasets` and tables; pyarrow and datasets judge what is read, where they are installed."""

import datetime
import gzip
import importlib.util
import json
import os
import pathlib
import tempfile
import types
import unittest

import horizonlm as hlm

RECORDS = [
    {"messages": [{"role": "user", "content": "say 1"}, {"role": "assistant", "content": "one"}], "weight": 0.5},
    {"messages": [{"role": "user", "content": "say 2"}, {"role": "assistant", "content": "zwei, ü"}], "weight": None},
] * 3
HAS_ARROW = importlib.util.find_spec("pyarrow") is not None
HAS_DATASETS = HAS_ARROW and importlib.util.find_spec("datasets") is not None


class RecordsTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def read(self, path):
        opened = gzip.open(path) if str(path).endswith(".gz") else open(path, "rb")
        with opened as file:
            return [json.loads(line) for line in file]

    def test_lists_become_lines(self):
        for name in ("a.jsonl", "a.jsonl.gz"):
            path = self.folder / name
            self.assertEqual(hlm.write_jsonl(iter(RECORDS), path), 6)
            self.assertEqual(self.read(path), RECORDS)
            with self.assertRaisesRegex(FileExistsError, "overwrite=True"):
                hlm.write_jsonl(RECORDS, path)
            self.assertEqual(hlm.write_jsonl(RECORDS[:1], str(path), overwrite=True), 1)
            self.assertEqual(self.read(path), RECORDS[:1])
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.jsonl", "a.jsonl.gz"])

    def test_what_is_no_record(self):
        path = self.folder / "a.jsonl"
        for source, message in (([1], "record 0 is a int"), (["x", {}], "record 0 is a str"), ([{}, "x"], "record 1 is a str"), ({"a": [1]}, "a dict is one record"), ([{"a": b"x"}], 'record 0: "a" holds a bytes')):
            with self.assertRaisesRegex(TypeError, message):
                hlm.write_jsonl(source, path)
        self.assertEqual(os.listdir(self.folder), [])
        with self.assertRaisesRegex(FileNotFoundError, "nothing is downloaded"):
            hlm.records("org/name")
        for source in (self.folder, self.folder / "b.jsonl"):
            (self.folder / "b.jsonl").write_text("{}\n")
            with self.assertRaises(ValueError):
                hlm.records(source)
        hlm.write_jsonl([{"at": datetime.datetime(2026, 1, 2, 3, 4), "path": pathlib.Path("x")}], path)
        self.assertEqual(self.read(path), [{"at": "2026-01-02T03:04:00", "path": "x"}])

    def test_a_column_that_is_no_json_is_named(self):
        picture = {"bytes": b"\x89PNG", "path": "a.png"}
        for value in (b"RIFF", picture, [picture], {"array": {1, 2}}):
            records = [{"messages": RECORDS[0]["messages"], "sample": value}]
            with self.assertRaisesRegex(TypeError, 'record 0: "sample" holds a (bytes|set), which is no JSON; leave its column out'):
                hlm.write_jsonl(records, self.folder / "x.jsonl")
            self.assertFalse((self.folder / "x.jsonl").exists())

    def test_a_folder_that_is_none_of_datasets_is_named(self):
        for text in ("{}", "[]", "no JSON", '{"_data_files": [1]}'):
            (self.folder / "state.json").write_text(text)
            with self.assertRaisesRegex(ValueError, r"state\.json: is not as `datasets` writes it"):
                hlm.records(self.folder)

    def test_names_of_other_packings(self):
        for name in ("a.jsonl.zst", "a.jsonl.bz2", "a.JSONL.XZ", "a.zip"):
            with self.assertRaisesRegex(ValueError, "is not written; .*jsonl.gz"):
                hlm.write_jsonl(RECORDS, self.folder / name)
        self.assertEqual(os.listdir(self.folder), [])

    def test_parts_of_a_set_are_not_read_as_one(self):
        def folder(name, *files):
            (self.folder / name).mkdir(parents=True)
            for file in files:
                (self.folder / name / file).write_bytes(b"PAR1")
            return self.folder / name

        for number, files in enumerate((("train-00000-of-00002.parquet", "test-00000-of-00001.parquet"), ("my_training.parquet", "my_dev.parquet"))):
            with self.assertRaisesRegex(ValueError, rf"{files[0]} and .*{files[1]}, by their names two parts of one set; give a list"):
                hlm.records(folder(f"two{number}", *files))
        for number, files in enumerate((("train-0.parquet", "train-1.parquet"), ("test.parquet", "a.parquet"), ("a.parquet", "valley.parquet", "trains.parquet"))):
            hlm.records(folder(f"one{number}", *files))
        folder("snapshot/data", "train-0.parquet")
        with self.assertRaisesRegex(ValueError, r"nor \.parquet files; .*snapshot/data has some"):
            hlm.records(self.folder / "snapshot")

    def test_a_data_set_of_packed_lines_is_that_of_the_records(self):
        path = self.folder / "a.jsonl.gz"  # by Python's own gzip
        hlm.write_jsonl(RECORDS, path)
        config = {"model": os.environ["HLM_MODEL"], "seq_len": 64, "epochs": 1, "unused_members": "count"}
        with hlm.Dataset({"data": path, **config}) as packed, hlm.Dataset.of(RECORDS, config) as memory:
            self.assertEqual([step.batch.ids for step in packed.steps(2)], [step.batch.ids for step in memory.steps(2)])
        path.write_bytes(path.read_bytes()[:-1])
        with self.assertRaisesRegex(hlm.DataLossError, r"a\.jsonl\.gz: its gzip data are cut short"):
            hlm.Dataset({"data": path, **config})

    def test_an_error_names_the_record(self):
        config = {"model": os.environ["HLM_MODEL"], "seq_len": 64}
        for records, message in (([RECORDS[1], {"messages": 5}], "^record 1: messages is a number"), ([], "of 0 records in the records none is left")):
            with self.assertRaisesRegex(hlm.InvalidArgumentError, message) as caught:
                hlm.Dataset.of(records, config)
            self.assertNotIn("horizonlm-", str(caught.exception))

    def test_frames(self):
        class Polars:  # as far as it is asked
            columns = ["text"]

            def iter_rows(self, named):
                return iter([{"text": "a"}, {"text": "b"}]) if named else None

        self.assertEqual(list(hlm.records(Polars())), [{"text": "a"}, {"text": "b"}])

        class Sets(dict):
            pass

        sets = Sets(train=types.SimpleNamespace(column_names=["text"]), test=types.SimpleNamespace(column_names=["text"]))
        with self.assertRaisesRegex(TypeError, "a Sets has several sets, train, test"):
            hlm.records(sets)

    @unittest.skipUnless(importlib.util.find_spec("pandas") is not None, "pandas is not installed")
    def test_frames_of_pandas(self):
        import pandas

        frame = pandas.DataFrame({"text": ["a", "b"], "weight": [0.5, None], "n": pandas.array([1, None], dtype="Int64")})
        self.assertEqual(list(hlm.records(frame)), [{"text": "a", "weight": 0.5, "n": 1}, {"text": "b", "weight": None, "n": None}])
        self.assertEqual(hlm.write_jsonl(frame, self.folder / "a.jsonl"), 2)

    @unittest.skipIf(HAS_ARROW, "pyarrow is installed")
    def test_without_pyarrow_it_is_named(self):
        (self.folder / "a.parquet").write_bytes(b"PAR1")
        with self.assertRaisesRegex(ImportError, r"a\.parquet: .*pip install 'horizonlm\[arrow\]'"):
            list(hlm.records(self.folder / "a.parquet"))

    @unittest.skipUnless(HAS_ARROW, "pyarrow is not installed")
    def test_parquet_and_arrow(self):
        import pyarrow
        import pyarrow.feather
        import pyarrow.parquet

        table = pyarrow.Table.from_pylist(RECORDS)
        self.assertEqual(list(hlm.records(table)), RECORDS)
        self.assertEqual(list(hlm.records(table.to_batches()[0])), RECORDS)
        pyarrow.parquet.write_table(table, self.folder / "b.parquet", row_group_size=2, compression="zstd")
        pyarrow.parquet.write_table(table.slice(0, 1), self.folder / "a.parquet")
        self.assertEqual(list(hlm.records(self.folder / "b.parquet")), RECORDS)
        self.assertEqual(list(hlm.records(self.folder)), RECORDS[:1] + RECORDS)
        self.assertEqual(list(hlm.records([self.folder / "b.parquet", str(self.folder / "a.parquet")])), RECORDS + RECORDS[:1])
        pyarrow.feather.write_feather(table, self.folder / "c.feather", compression="lz4")
        self.assertEqual(list(hlm.records(str(self.folder / "c.feather"))), RECORDS)
        with pyarrow.OSFile(str(self.folder / "d.arrow"), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table, max_chunksize=2)
        self.assertEqual(list(hlm.records(self.folder / "d.arrow")), RECORDS)
        mapped = pyarrow.table({"text": ["a"], "tags": pyarrow.array([[("k", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int64()))})
        self.assertEqual(list(hlm.records(mapped)), [{"text": "a", "tags": {"k": 1}}])

    @unittest.skipUnless(HAS_ARROW, "pyarrow is not installed")
    def test_a_damaged_file_is_named(self):
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(RECORDS), self.folder / "a.parquet")
        whole = (self.folder / "a.parquet").read_bytes()
        for name, data in (("cut.parquet", whole[:-20]), ("few.parquet", b"PAR1xxxxPAR1"), ("few.arrow", b"ARROW1"), ("none.parquet", b""), ("no.arrow", b"abcdefgh")):
            (self.folder / name).write_bytes(data)
            with self.assertRaisesRegex(ValueError, f"{name}: cannot be read: "):
                list(hlm.records(self.folder / name))

    @unittest.skipUnless(HAS_DATASETS, "datasets is not installed")
    def test_what_datasets_saves(self):
        import datasets

        whole = datasets.Dataset.from_list(RECORDS)
        self.assertEqual(list(hlm.records(whole)), RECORDS)
        whole.save_to_disk(self.folder / "saved", num_shards=2)
        self.assertEqual(list(hlm.records(self.folder / "saved")), RECORDS)
        datasets.DatasetDict({"train": whole, "test": whole}).save_to_disk(self.folder / "splits")
        with self.assertRaisesRegex(ValueError, "several sets, train, test"):
            hlm.records(self.folder / "splits")
        self.assertEqual(list(hlm.records(self.folder / "splits" / "test")), RECORDS)
        # The core refuses the folder with a word for who reads it.
        with self.assertRaisesRegex(hlm.UnimplementedError, "saved.*horizonlm.Dataset.of"):
            hlm.Dataset({"data": self.folder / "saved"})

    @unittest.skipUnless(HAS_ARROW, "pyarrow is not installed")
    def test_a_data_set_of_parquet_is_that_of_jsonl(self):
        import pyarrow
        import pyarrow.parquet

        model = os.environ["HLM_MODEL"]
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(RECORDS), self.folder / "a.parquet")
        with self.assertRaisesRegex(hlm.UnimplementedError, "a.parquet: is Parquet"):
            hlm.Dataset({"data": self.folder / "a.parquet", "model": model})
        hlm.write_jsonl(RECORDS, self.folder / "a.jsonl.gz")
        config = {"model": model, "seq_len": 64, "epochs": 1, "unused_members": "count"}
        with hlm.Dataset({"data": self.folder / "a.jsonl.gz", **config}) as lines, hlm.Dataset.of(self.folder / "a.parquet", config) as parquet:
            self.assertEqual([step.batch.ids for step in lines.steps(2)], [step.batch.ids for step in parquet.steps(2)])


if __name__ == "__main__":
    unittest.main()
