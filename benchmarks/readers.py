"""What ``benchmarks.fuzzing`` fuzzes: every reader of files that others wrote, with files that it accepts."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks.fuzzing import Reader
from benchmarks.tiny import write_tiny
from hpo.assets.catalogue import CATALOGUE
from hpo.config.experiment import DataSource, Kind
from hpo.config.space import load_spaces
from hpo.data.corpus import load_corpus
from hpo.data.scrubbing import scrub
from hpo.data.unlabelled import read_unlabelled
from hpo.errors import UserError
from hpo.foreign.asked import Asked, Roles
from hpo.foreign.importing import import_runs, write_import
from hpo.models.gguf_header import read_gguf_header
from hpo.models.pretrained import load_pretrained
from hpo.records.exported import read_tables
from hpo.records.files import read_records
from hpo.records.origin import read_origin
from hpo.records.sealed import unseal
from hpo.training.prefix_files import Prefix
from hpo.training.store import Store

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "results" / "example" / "records"
KEY = "sha256:" + "ab" * 32

CSV = b'text,second_text,label,group\n"good, film",a,pos,1\nbad film,b,neg,2\n"a ""good"" plot",c,pos,1\n'
SENTENCES = (
    b'text,label\n"[""Ann"", ""sings""]","[""B-PER"", ""O""]"\n'
    b'Bob sleeps,"[{""start"": 0, ""end"": 3, ""label"": ""PER""}]"\n'
)
ROWS: list[dict[str, Any]] = [
    {"text": "good film", "second_text": "a", "label": "pos", "group": 1},
    {"text": "bad film", "second_text": "b", "label": "neg", "group": 2},
    {"text": "good plot", "second_text": "c", "label": "pos", "group": "x"},
]
WORDS: list[dict[str, Any]] = [
    {"text": ["Ann", "sings"], "label": ["B-PER", "O"]},
    {"text": "Bob sleeps.", "label": [{"start": 0, "end": 3, "label": "PER"}]},
]
CONLL = b"-DOCSTART- -X- O\n\nAnn NNP B-PER\nsings VBZ O\n\n# newdoc\nIn\tIN\tO\nRome\tNNP\tB-LOC\n\nBob NNP S-PER\n"
TABLE = (
    b"strategy,seed,lr,step,val_accuracy,test_accuracy,status,time\n"
    b"a,0,0.1,1,0.5,0.4,complete,3\na,1,0.01,1,0.6,0.5,pruned,2.5\nb,0,0.1,1,0.7,0.6,failed,1\nb,1,1e-3,1,0.8,0.7,complete,4\n"
)
WANDB = (
    b"Name,State,Created,Runtime,method,lr,val_loss\nx,finished,2026-01-01T00:00:00Z,12,a,0.1,0.5\n"
    b"y,crashed,2026-01-02T00:00:00Z,3,b,0.2,\n"
)
LINES = (
    b'{"strategy": "a", "seed": 0, "config": {"lr": 0.1}, "val_accuracy": 0.5}\n'
    b'{"strategy": "b", "seed": 0, "config": {"lr": 0.2}, "val_accuracy": 0.6}\n'
)


def _spaces() -> Iterable[Reader]:
    seeds = [path.read_bytes() for path in sorted((ROOT / "search_spaces").glob("*.yaml"))]
    yield Reader(
        "space file", "space.yaml", seeds, lambda folder: load_spaces(str(folder / "space.yaml"), *_names())
    )


@cache
def _names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (
        tuple(name for name, asset in CATALOGUE.items() if asset.kind == "model"),
        tuple(name for name, asset in CATALOGUE.items() if asset.kind == "data"),
    )


def _data() -> Iterable[Reader]:
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
    words = b"".join(json.dumps(row).encode() + b"\n" for row in WORDS)
    kinds: tuple[Kind, ...] = ("text-classification", "pair", "multi-label")
    for kind in kinds:
        yield Reader(f"CSV, {kind}", "data.csv", (CSV,), partial(_corpus, "data.csv", kind))
        yield Reader(f"JSON lines, {kind}", "data.jsonl", (lines,), partial(_corpus, "data.jsonl", kind))
    entities: Kind = "token-classification"
    yield Reader("CSV, entities", "data.csv", (SENTENCES,), partial(_corpus, "data.csv", entities))
    yield Reader("JSON lines, entities", "data.jsonl", (words,), partial(_corpus, "data.jsonl", entities))
    yield Reader("JSON", "data.json", (json.dumps(ROWS).encode(),), partial(_corpus, "data.json", "pair"))
    yield Reader("CoNLL", "data.conll", (CONLL,), partial(_corpus, "data.conll", entities))
    parquet = (_parquet(ROWS[:2]),)
    yield Reader("Parquet", "data.parquet", parquet, partial(_corpus, "data.parquet", "text-classification"))
    yield Reader(
        "CSV to predict",
        "data.csv",
        (SENTENCES,),
        lambda folder: read_unlabelled(folder / "data.csv", "token-classification", ["text"]),
    )
    yield Reader(
        "text to scrub",
        "text",
        (b"Write to a.b@example.org or call +49 (0) 30 123456-78, card 4111 1111 1111 1111.",),
        lambda folder: scrub((folder / "text").read_bytes().decode("utf-8", "replace")),
    )


def _corpus(file: str, kind: Kind, folder: Path) -> object:
    group = "group" if kind == "text-classification" else None
    return load_corpus(DataSource(path=str(folder / file), group=group), kind)


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    target = BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), target)
    return target.getvalue()


def _stores() -> Iterable[Reader]:
    made = _store()
    state, prefix, facts = (f"{kind}/{'ab' * 32}.{end}" for kind, end in (
        ("states", "safetensors"), ("prefixes", "safetensors"), ("segments", "json")))  # fmt: skip
    yield Reader("state file", state, (made[state],), lambda folder: Store(folder).state(KEY), _make_store)
    yield Reader(
        "prefix file", prefix, (made[prefix],), lambda folder: Store(folder).prefix(KEY), _make_store
    )
    yield Reader(
        "texts of a prefix file",
        prefix,
        (made[prefix],),
        lambda folder: Store(folder).prefix_texts(KEY),
        _make_store,
    )
    yield Reader(
        "facts of a segment",
        facts,
        (unseal(made[facts]),),
        lambda folder: Store(folder).segment(KEY),
        _make_store,
    )
    yield Reader("journal", "optuna-journal.log", (_journal(),), _studies)


def _make_store(folder: Path) -> None:
    Store(folder)


@cache
def _store() -> dict[str, bytes]:
    """The files of a store with one of each kind."""
    import numpy as np
    import torch

    from hpo.training.facts import SegmentFacts
    from hpo.training.states import state_digest

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        tensors = {"model/a.weight": torch.ones(2, 3), "group/k/0": torch.tensor(2.0, dtype=torch.float64)}
        store.put_state(KEY, tensors, state_digest(tensors), 1.0, 1.0)
        values, texts = np.ones((3, 2), np.float32), np.ones((1, 16), np.uint8)
        store.put_prefix(KEY, Prefix(values, "p", texts, np.array([3]), np.ones(1)), 1.0)
        store.put_segment(KEY, SegmentFacts(loss=0.5, seconds=1.0, state="s"))
        return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def _journal() -> bytes:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    from hpo.search.journal import journal_path
    from hpo.search.storage import StudyStorage

    with tempfile.TemporaryDirectory() as folder:
        study = StudyStorage(Path(folder)).study("linear", 0)
        space = {"lr": FloatDistribution(1e-5, 1e-3, log=True), "head": CategoricalDistribution(["a", "b"])}
        for draw, state in enumerate(("complete", "pruned", "infeasible")):
            study.begin({"lr": 1e-4, "head": "a"}, space, seed=draw)
            study.report(draw, 10, 0.5)
            study.end(draw, state, 0.5 if state == "complete" else None)
        lines = journal_path(Path(folder)).read_bytes().splitlines()
        return b"".join(unseal(line) + b"\n" for line in lines)  # else every edit is found by its checksum


def _studies(folder: Path) -> object:
    from hpo.search.storage import StudyStorage

    study = StudyStorage(folder).study("linear", 0)
    return [study.trial(draw) for draw in range(len(study))], study.trials()


def _records() -> Iterable[Reader]:
    seeds = {kind: [unseal(p.read_bytes()) for p in sorted((EXAMPLE / kind).glob("*.json"))[:3]] for kind in
             ("trials", "confirmations", "audit")}  # fmt: skip
    run = EXAMPLE / "run.json"
    yield Reader("run record", "records/run.json", [unseal(run.read_bytes())], read_records, _make_records)
    for kind, contents in seeds.items():
        yield Reader(f"record of {kind}", f"records/{kind}/x.json", contents, read_records, _with_run)
    lines = b"".join(json.dumps(json.loads(one)).encode() + b"\n" for one in seeds["trials"])
    yield Reader("records as JSON lines", "records/trials.jsonl", (lines,), read_records, _with_run)
    yield Reader("exported model", "hpo.json", (_origin(),), read_origin)
    tables = _tables()
    yield Reader(
        "exported records",
        "trials.parquet",
        (tables["trials.parquet"],),
        read_tables,
        partial(_write_all, tables),
    )


def _make_records(folder: Path) -> None:
    (folder / "records").mkdir()


def _with_run(folder: Path) -> None:
    for kind in ("trials", "confirmations", "audit"):
        (folder / "records" / kind).mkdir(parents=True)
    (folder / "records" / "run.json").write_bytes((EXAMPLE / "run.json").read_bytes())


def _origin() -> bytes:
    from hpo.records.origin import Origin

    samples = {"array": [], "string": "x", "integer": 1, "number": 0.5, "boolean": True, "object": {}}
    fields = Origin.model_json_schema()["properties"].items()
    given = {name: samples.get(facts.get("type", ""), facts.get("enum", [None])[0]) for name, facts in fields}
    return json.dumps({**given, "form": "own", "kind": "text-classification"}).encode()


@cache
def _tables() -> dict[str, bytes]:
    from hpo.records.tables import write_tables

    with tempfile.TemporaryDirectory() as folder:
        write_tables(read_records(EXAMPLE.parent), Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).glob("*.parquet")}


def _write_all(files: dict[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _foreign() -> Iterable[Reader]:
    yield Reader("import of CSV", "x.csv", (TABLE,), _import("x.csv"))
    yield Reader(
        "import of CSV with rungs", "x.csv", (TABLE,), _import("x.csv", Roles(rung="step", cost="time"))
    )
    yield Reader("import of JSON lines", "x.jsonl", (LINES,), _import("x.jsonl"))
    wandb = Roles(strategy=("method",), score="val_loss")
    yield Reader(
        "import of W&B", "w.csv", (WANDB,), _import("w.csv", wandb, maximize=False, parameters=("lr",))
    )
    journal = _journal()
    yield Reader("import of an Optuna journal", "j.log", (journal,), _import("j.log"))
    yield Reader("import of an Optuna database", "s.db", (_database(),), _sqlite)
    trials = sorted((ROOT / "tests" / "foreign" / "ray_tune" / "schedules").iterdir())[:2]
    ray = Roles(strategy=("schedule",), score="accuracy")
    for file in ("params.json", "result.json"):
        yield Reader(
            f"import of Ray Tune, {file}",
            f"schedules/{trials[0].name}/{file}",
            [(trial / file).read_bytes() for trial in trials],
            _import("schedules", ray),
            partial(_ray, trials),
        )


def _import(name: str, roles: Roles | None = None, **asked: Any) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        found = import_runs([str(folder / name)], Asked(roles=roles or Roles(), name="run", **asked))
        with tempfile.TemporaryDirectory() as results:
            return [read_records(run) for run in write_import(found, Path(results))]

    return read


def _sqlite(folder: Path) -> object:
    """An import of a database, whose tables Optuna's own code reads."""
    return import_runs([f"sqlite:///{folder / 's.db'}"], Asked())


@cache
def _database() -> bytes:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        study = optuna.create_study(storage=f"sqlite:///{path}", study_name="a")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
        return path.read_bytes()


def _models() -> Iterable[Reader]:
    with tempfile.TemporaryDirectory() as made:
        write_tiny(Path(made), rows=2)
        files = {p.name: p.read_bytes() for p in (Path(made) / "model").iterdir()}
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        yield Reader(f"model's {file}", file, (files[file],), _load, partial(_write_all, files))
    yield Reader("GGUF", "x.gguf", (_gguf(),), _read_gguf)


def _load(folder: Path) -> object:
    load_pretrained.cache_clear()
    return load_pretrained(str(folder)).info


def _gguf() -> bytes:
    import gguf
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.gguf"
        writer: Any = gguf.GGUFWriter(path, "llama")
        writer.add_block_count(1)
        writer.add_token_list(["a", "b"])
        writer.add_token_types([1, 1])
        writer.add_tensor("token_embd.weight", np.ones((2, 4), np.float32))
        writer.add_tensor("output_norm.weight", np.ones(32, np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def _read_gguf(folder: Path) -> object:
    """The header, and the library on what it lets pass."""
    from gguf import GGUFReader

    path = folder / "x.gguf"
    try:
        found = read_gguf_header(path)
        return found, len(GGUFReader(path).tensors)
    except Exception as error:  # as ``load_pretrained`` tells whatever comes
        raise UserError(str(error), "") from error


def _ray(trials: list[Path], folder: Path) -> None:
    for trial in trials:
        own = folder / "schedules" / trial.name
        own.mkdir(parents=True)
        for file in ("params.json", "result.json"):
            (own / file).write_bytes((trial / file).read_bytes())


GROUPS: Mapping[str, Callable[[], Iterable[Reader]]] = {
    "spaces": _spaces,
    "data": _data,
    "stores": _stores,
    "records": _records,
    "imports": _foreign,
    "models": _models,
}
