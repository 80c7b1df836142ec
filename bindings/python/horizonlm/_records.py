"""Records from elsewhere: Parquet, Arrow and `datasets` by pyarrow, tables and lists in memory; and JSONL of them, which every reader takes."""

import gzip
import importlib
import itertools
import json
import os
import pathlib
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Union

from ._plain import plain

Path = Union[str, "os.PathLike[str]"]

_ARROW = (".arrow", ".feather", ".ipc")

# The words by which the name of a file says which part of a set it is, as the library has them for JSONL.
_TRAIN = {"train", "training"}
_HELD_OUT = {"test", "testing", "eval", "evaluation", "valid", "validation", "dev", "val"}

# What a reader takes for packed, and is not packed here.
_PACKED = (".zst", ".zstd", ".bz2", ".xz", ".lzma", ".lz4", ".zip", ".7z", ".br", ".tgz")


def records(source: Any) -> Iterator[Dict[str, Any]]:
    """The records of `source`, one after the other, as dicts.

    source: a list of dicts, or whatever gives dicts, as a `datasets.Dataset`; a table of pyarrow or a batch of one, or a frame of pandas or Polars; or a path: a
    Parquet or Arrow file, a folder of Parquet files (read in the order of their names), or what `save_to_disk` of `datasets` left; or a list
    of paths. Files are read in pieces.

    ImportError, naming pyarrow, where a file or a table needs it; ValueError for a path of another kind, and for a folder that by its files'
    names has what is trained on beside what is held out; TypeError for what is no record.
    """
    if isinstance(source, (str, os.PathLike)):
        return _of_path(pathlib.Path(source))
    if isinstance(source, (list, tuple)) and source and all(_is_file_name(path) for path in source):
        return itertools.chain.from_iterable([_of_path(pathlib.Path(path)) for path in source])
    if isinstance(source, Mapping):
        if source and all(hasattr(part, "column_names") for part in source.values()):
            raise TypeError(f"a {type(source).__name__} has several sets, {', '.join(map(str, source))}; give one of them")
        raise TypeError(f"a {type(source).__name__} is one record or columns of them; a list of records is wanted")
    if hasattr(source, "to_batches"):  # a table, or pyarrow.dataset's
        return _of_batches(source.to_batches())
    if hasattr(source, "to_pylist") and hasattr(source, "schema"):  # one of a table's batches
        return _of_batches([source])
    if hasattr(source, "iter_rows") and hasattr(source, "columns"):  # Polars
        return _of_rows(source.iter_rows(named=True))
    if hasattr(source, "itertuples") and hasattr(source, "columns"):  # pandas, whose cells without a value are NaN and the like
        return _of_rows(source.astype(object).where(source.notna(), None).to_dict("records"))
    return _of_rows(source)


def write_jsonl(source: Any, path: Path, *, overwrite: bool = False) -> int:
    """Writes the records of `source`, as for records(), into a JSONL file, which the `horizon` command and every language read; returns how many.

    path: packed by gzip where it ends in .gz; ValueError for the name of another packing. FileExistsError for a file that is there, without overwrite. A file is never left half.
    """
    final = pathlib.Path(path)
    if final.name.lower().endswith(_PACKED):
        raise ValueError(f"{final}: {final.suffix} is not written; .jsonl is plain text, and .jsonl.gz is packed by gzip")
    if final.exists() and not overwrite:
        raise FileExistsError(f"{final} is there; overwrite=True replaces it")
    beside = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as raw:
            if final.name.endswith(".gz"):
                with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed:
                    count = write_lines(source, packed)
            else:
                count = write_lines(source, raw)
        os.replace(beside, final)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return count


def write_lines(source: Any, file: Any) -> int:
    """Writes a line for each record into a file of bytes, and returns how many."""
    count = 0
    for record in records(source):
        try:
            line = json.dumps(record, default=plain)
        except (TypeError, ValueError) as error:
            raise TypeError(f"record {count}: {_of_column(record)}{error}; leave its column out") from None
        file.write(line.encode() + b"\n")
        count += 1
    return count


def _of_column(record: Mapping[Any, Any]) -> str:
    """The first column whose value is no JSON, for a message: of pictures, sound and films it is their bytes."""
    for name, value in record.items():
        try:
            json.dumps(value, default=plain)
        except (TypeError, ValueError):
            return f"{json.dumps(str(name))} "
    return ""


def _of_rows(rows: Iterable[Any]) -> Iterator[Dict[str, Any]]:
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"record {number} is a {type(row).__name__}; a mapping is wanted")
        yield dict(row)


def _is_file_name(value: Any) -> bool:
    """Of a list of paths: a string that is no path is a record of the wrong kind."""
    return isinstance(value, os.PathLike) or (isinstance(value, str) and value.lower().endswith((".parquet", *_ARROW)))


def _of_batches(batches: Iterable[Any]) -> Iterator[Dict[str, Any]]:
    for batch in batches:
        try:
            rows = batch.to_pylist(maps_as_pydicts="strict")
        except TypeError:  # before pyarrow 13
            rows = batch.to_pylist()
        yield from rows


def _of_path(path: pathlib.Path) -> Iterator[Dict[str, Any]]:
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder, and nothing is downloaded")
    files = _files(path) if path.is_dir() else [path]
    for file in files:
        if file.suffix != ".parquet" and file.suffix not in _ARROW:
            raise ValueError(f"{file}: is neither .parquet nor .arrow; Dataset({{'data': path}}) reads JSONL, JSON and text")
    return _of_files(files)


def _of_files(files: List[pathlib.Path]) -> Iterator[Dict[str, Any]]:
    for file in files:
        try:
            yield from _of_batches(_parquet(file) if file.suffix == ".parquet" else _arrow(file))
        except FileNotFoundError:
            raise
        except (ValueError, OSError, NotImplementedError) as error:  # what pyarrow says does not name the file
            raise ValueError(f"{file}: cannot be read: {error}") from error


def _files(folder: pathlib.Path) -> List[pathlib.Path]:
    """The files of a folder that `datasets` saved, in its order; else its Parquet files by name."""
    splits = folder / "dataset_dict.json"
    if splits.exists():
        names = ", ".join(json.loads(splits.read_text())["splits"])
        raise ValueError(f"{folder}: has several sets, {names}; give the folder of one of them")
    state = folder / "state.json"
    if state.exists():
        try:
            return [folder / file["filename"] for file in json.loads(state.read_text())["_data_files"]]
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{state}: is not as `datasets` writes it: it has no list _data_files of names of files") from None
    found = sorted(folder.glob("*.parquet"))
    if not found:
        within = sorted({str(file.parent) for file in folder.glob("*/*.parquet")} | {str(file.parent) for file in folder.glob("*/state.json")})
        there = f"; {' and '.join(within)} {'has' if len(within) == 1 else 'have'} some" if within else ""
        raise ValueError(f"{folder}: has neither a state.json, as `datasets` writes it, nor .parquet files{there}")
    train, held_out = (next((file for file in found if _part(file.name) is part), None) for part in (_TRAIN, _HELD_OUT))
    if train and held_out:
        raise ValueError(f"{folder}: the folder has {train} and {held_out}, by their names two parts of one set; give a list of the files that are meant")
    return found


def _part(name: str) -> Any:
    """_TRAIN or _HELD_OUT, by the first word of a file's name that says so; None."""
    for word in re.split(r"[._\- 0-9]", name.lower()):
        for part in (_TRAIN, _HELD_OUT):
            if word in part:
                return part
    return None


def _pyarrow(module: str, file: pathlib.Path) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError(f"{file}: Parquet and Arrow are read by pyarrow, which is not installed: pip install 'horizonlm[arrow]'") from None


def _parquet(file: pathlib.Path) -> Iterator[Any]:
    with _pyarrow("pyarrow.parquet", file).ParquetFile(file) as opened:
        yield from opened.iter_batches(batch_size=1024)


def _arrow(file: pathlib.Path) -> Iterator[Any]:
    """A file of the format, or a stream, as `datasets` saves it."""
    arrow = _pyarrow("pyarrow", file)
    ipc = importlib.import_module("pyarrow.ipc")
    with arrow.OSFile(os.fspath(file)) as source:  # not mapped: a file that somebody cuts is an error
        if source.read(6) == b"ARROW1":
            opened = ipc.open_file(source)
            for number in range(opened.num_record_batches):
                yield opened.get_batch(number)
        else:
            source.seek(0)
            yield from ipc.open_stream(source)
