# SPDX-License-Identifier: 0BSD
# Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
# granted. THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE
# INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY
# SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR
# PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION
# WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
"""Experiments that can be run one by one, killed, gone on with, and reported; the same file in every repository.

    python main.py                      what needs no data, no GPU and only minutes; ends with a result
    python main.py list                 what there is, which data are there, what it takes, what has been run
    python main.py run NAME… | all      [--method M] [--seed S] [--again: also what has been run]
    python main.py report [--seed S]    tables and figures, of what has been run so far; the paper's numbers beside ours
    python main.py estimate             what all of it takes, from the beginnings of its runs (--minutes, 0.5 of them)
    python main.py run all --mode scaled --minutes N     as much of it as fits, the cheapest first
    python main.py --smoke              every experiment's whole path, at the sizes of `smoke` in config.yaml
    with all of them: [--config FILE] [--set key=value …] [--data DIR] [--device D] [--minutes N] [--mode MODE]

A run that has ended is a file, `results/<mode>/<experiment>/<method>/<seed>-<hash>.json`. The hash is of all that
shapes it: settings, code, data, device, versions of packages. Only where that is the same is a run not made again;
no file is ever deleted. After every run `results.json` is derived from them: means over seeds, with the settings
of config.yaml, as `<experiment>_<method>_<metric>`. Tables and figures of other settings or of one seed go to a folder
of their own, which says so; the paper's numbers stand beside unchanged settings alone. Processes that run at the same
time share the work; those that `torchrun main.py run …` starts make each run together: their process group is there,
and the first alone writes.
"""

from __future__ import annotations

import argparse
import ast
import atexit
import csv
import hashlib
import importlib.metadata
import io
import json
import math
import os
import pickle
import random
import re
import signal
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, NoReturn

import yaml

ROOT = Path(__file__).resolve().parent
MODES = ("smoke", "scaled", "full")
QUICK_MINUTES = 10.0
CHECKPOINT_SECONDS = 60.0
FIRST_SECONDS = 10.0
"""Until the first checkpoint is kept; then one a minute."""
TOLD_SECONDS = 5.0
ESTIMATE_MINUTES, BEGINNINGS, FILLED = 0.5, 0.05, 0.8
"""For how long runs are begun to estimate what they take; of the minutes of a scaled run, this part; and of what is
left then, the part for which sizes are chosen."""
LENGTHS = re.compile(
    r"step|epoch|iter|update|episode|round|trial|repeat|sample|observation|token|image|example|point|draw|generation"
)
"""What settings are called that say how long something goes on, and that a scaled run may lower."""
KILL = "HARNESS_KILL"
"""Environment variable, for tests: the process kills itself after the first checkpoint of a run that was asked for, or
before its result; runs that others depend on are made first.
"""


class Diverged(Exception):
    """Raise it where a run has left the finite numbers or is lost; the text says how."""


class Skipped(Exception):
    """A run is not made now; the text says why and what to do."""


@dataclass(frozen=True)
class Undefined:
    """In the place of a metric that this run cannot define, such as a rate over no cases."""

    reason: str


@dataclass(frozen=True)
class Data:
    """A data set that people put into the folder `data/<name>`."""

    name: str
    files: Sequence[str]
    """Names or patterns below its folder, such as `train/*/*.JPEG`."""
    size: str
    where: str
    """Where to get it, and how to unpack it."""
    tiny: Callable[[Path], object]
    """Writes a few small files of these names and this format into a folder: the smoke run reads them instead."""

    def found(self, folder: Path) -> list[Path]:
        """Its files in a folder; none if one of them is missing."""
        groups = [sorted(folder.glob(pattern)) for pattern in self.files]
        return [path for group in groups for path in group] if all(groups) else []


@dataclass(frozen=True)
class Experiment:
    """Something that the paper shows, as runs over methods and seeds."""

    name: str
    shows: str
    """Anchors in the paper: `Tab2`, or `Tab2, Fig1`. Its report writes tables and figures under these names."""
    run: Callable[[Run], Mapping[str, Any]]
    """Makes one run and returns its metrics, each a number or `Undefined`."""
    methods: Sequence[str] = ("default",)
    seeds: Sequence[int] | str = (0,)
    """Or the key of config.yaml that lists them. The smoke run takes the first."""
    needs: Sequence[Data] = ()
    gpu: bool = False
    minutes: float = 1.0
    """That all runs take together, about: on a GPU where it needs one, else on a CPU."""
    settings: Sequence[str] = ()
    """Sections of config.yaml that its runs see and depend on; none named: all."""
    report: Callable[[Report], object] | None = None
    """Writes what it shows; without one, it is a table of methods and metrics."""

    def __post_init__(self) -> None:
        for name in (self.name, *self.methods):
            if not re.fullmatch(r"\w[\w.+-]*", name):
                raise ValueError(f"{name!r} will be a folder: letters, digits and . + - _ only")


@dataclass(frozen=True)
class Result:
    """A run that has ended, as its file says."""

    experiment: str
    method: str
    seed: int
    hash: str
    status: str
    """`done`, `diverged` or `failed`."""
    reason: str
    metrics: Mapping[str, float | None]
    undefined: Mapping[str, str]
    """Why a metric is None."""
    rows: Sequence[Mapping[str, Any]]
    """What it has logged: steps of a curve, points of a sweep."""
    seconds: float
    ended: float
    """Seconds since the epoch."""
    shape: Mapping[str, Any]
    """What its hash is of."""
    folder: Path
    """Where it has left files."""
    steps: int = 0
    """How often it could have been gone on with: its calls of `checkpoint`, in the process that has ended it."""


class Run:
    """What the function `run` of an experiment is given."""

    def __init__(
        self, lab: Laboratory, experiment: Experiment, method: str, seed: int, path: Path, *, dies: bool
    ) -> None:
        self.config, self.method, self.seed = lab.settings(experiment), method, seed
        self.mode, self.device = lab.mode, lab.device
        self.rows: list[dict[str, Any]] = []
        self.steps = 0
        self._lab, self._experiment, self._path = lab, experiment, path
        soon = time.monotonic() - CHECKPOINT_SECONDS + FIRST_SECONDS
        self._saved = -math.inf if dies or lab.mode == "smoke" else soon
        self._dies = dies
        self._told = self._began = time.monotonic()
        self._first_step: float | None = None

    @property
    def folder(self) -> Path:
        """Where this run may leave files, such as weights for a later analysis."""
        folder = self._path.with_suffix("")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def time_left(self) -> float:
        """Seconds of `--minutes`; infinite without."""
        return self._lab.deadline - time.monotonic()

    def data(self, data: Data) -> Path:
        """The folder of a data set that the experiment `needs`: in the smoke run, of tiny files."""
        if data not in self._experiment.needs:
            raise ValueError(f"{self._experiment.name} does not name {data.name} among its needs")
        return self._lab.folder(data)

    def result(self, experiment: str, method: str = "", seed: int | None = None) -> Result:
        """The result of another experiment, run first if need be; this method and seed, unless others are named."""
        own, other = self._experiment, self._lab.experiments[experiment]
        lacking = [data for data in other.needs if data not in own.needs]
        if lacking or not self._lab.settings(other).keys() <= self.config.keys():
            raise ValueError(
                f"{own.name} depends on {experiment}: it has to name its needs and settings as well"
            )
        found = self._lab.perform(
            other, method or self.method, self.seed if seed is None else seed, wanted_by=own.name
        )
        if found.status != "done":
            raise RuntimeError(
                f"{experiment}, {found.method}, seed {found.seed}: {found.status}: {found.reason}"
            )
        return found

    def progress(self, step: float, total: float) -> None:
        """How far the run is: printed every few seconds, with how long the rest will take."""
        if self._first_step is None:
            self._first_step = step
        done = step - self._first_step
        each = (time.monotonic() - self._began) / done if done > 0 else math.nan
        left = f", about {each * (total - step):.0f} s left" if done > 0 else ""
        self._tell(f"{step:g} of {total:g}{left}")

    def log(self, **values: Any) -> None:
        """Keep a row: a step of a curve (`step=…, loss=…`), a point of a sweep (`rate=…, error=…`)."""
        self.rows.append({name: _plain(value) for name, value in values.items()})
        self._tell(f"{len(self.rows)} rows logged")

    def _tell(self, how_far: str, row: Mapping[str, Any] | None = None) -> None:
        now = time.monotonic()
        if _first() and now - self._told >= TOLD_SECONDS:
            self._told = now
            name = f"{self._experiment.name}, {self.method}, seed {self.seed}"
            numbers = [f"{k} {v:.4g}" for k, v in (row or {}).items() if isinstance(v, (int, float))]
            how_far = ", ".join([how_far, *numbers[:6]])
            with suppress(BrokenPipeError):
                print(f"{name}: {how_far}, {now - self._began:.0f} s so far", flush=True)

    def checkpoint(self, **state: Any) -> None:
        """Save what the rest of the run depends on, once a minute; to be called after every step or epoch.

        State of models, optimisers and own generators belongs to it; the global generators and the rows are added.
        With `torchrun` it is that of the first process, for all.
        """
        self.steps += 1
        over = math.isfinite(self._lab.deadline) and _agreed(self.time_left <= 0)
        if _first() and (over or time.monotonic() - self._saved >= CHECKPOINT_SECONDS):
            kept = {"state": state, "rows": self.rows, "random": _random_state()}
            stream, torch = io.BytesIO(), sys.modules.get("torch")
            (torch.save if torch else pickle.dump)(kept, stream)
            _write(self._path.with_suffix(".state"), stream.getvalue())
            self._saved = time.monotonic()
            if self._dies:
                _die()
        self._tell("at work", self.rows[-1] if self.rows else None)
        if over:
            raise Skipped("the time is over: run it again to go on from its checkpoint")

    def resume(self) -> dict[str, Any] | None:
        """What the last checkpoint of exactly this run has saved; None at its beginning."""
        path, torch = self._path.with_suffix(".state"), sys.modules.get("torch")
        if not path.exists():
            return None
        stream = io.BytesIO(path.read_bytes())
        kept = torch.load(stream, self.device, weights_only=False) if torch else pickle.load(stream)  # noqa: S301
        self.rows = kept["rows"]
        _set_random_state(kept["random"])
        return dict(kept["state"])


@dataclass(frozen=True)
class Summary:
    """A metric over seeds."""

    mean: float | None
    std: float | None
    """Of the sample; None for less than two."""
    seeds: int
    of: int
    reason: str = ""
    """Why there is no mean."""

    def __str__(self) -> str:
        if self.mean is None:
            return self.reason or "not run"
        text = f"{self.mean:.4g}" + (f" ± {self.std:.2g}" if self.std is not None else "")
        return text if self.seeds == self.of else f"{text} ({self.seeds} of {self.of} seeds)"


class Report:
    """What the function `report` of an experiment is given: results, and where to write what they show."""

    def __init__(self, lab: Laboratory, experiment: Experiment, config: Mapping[str, Any]) -> None:
        self.changed = lab.changed(experiment.settings or config)
        """Settings of its runs that are not those of config.yaml: dotted key → the value there, the one used."""
        self.config, self.mode, self.methods = config, lab.mode, tuple(experiment.methods)
        self.results = lab.results(experiment, config)
        self.metrics = list(dict.fromkeys(name for result in self.results for name in result.metrics))
        self.shown: list[str] = []
        self.written: set[str] = set()
        self._names = lab.names(experiment)
        self._seeds, self._folder = len(lab.seeds(experiment)), lab.reports

    def of(self, method: str) -> list[Result]:
        """Results of a method, by seed, without those that failed."""
        return [r for r in self.results if r.method == method and r.status != "failed"]

    def summary(self, method: str, metric: str) -> Summary:
        """A metric over seeds; no mean where one of them diverged or leaves it undefined."""
        results = self.of(method)
        values = [value for r in results if (value := r.metrics.get(metric)) is not None]
        lost = sum(r.status == "diverged" for r in results)
        failed = sum(r.method == method for r in self.results) - len(results)
        reasons = [f"{lost} of {len(results)} seeds diverged"] if lost else []
        reasons += [f"{failed} of {failed} seeds failed"] if failed and not results else []
        reasons += [r.undefined[metric] for r in results if metric in r.undefined]
        if reasons or not values:
            return Summary(None, None, len(values), self._seeds, "; ".join(reasons[:1]))
        try:
            std = statistics.stdev(values) if len(values) > 1 else None
            return Summary(statistics.fmean(values), std, len(values), self._seeds)
        except OverflowError:
            return Summary(None, None, len(values), self._seeds, "values are too large for a mean")

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write `<name>.md` and `<name>.csv`; the name is the paper's anchor, cells may be summaries.

        Where several experiments show the same table, each writes its part, `Tab2-<experiment>`; figures alike.
        """
        name = self._name(name)
        text, stream = _markdown(columns, rows), io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([columns, *rows])
        _write(self._folder / f"{name}.md", text.encode())
        _write(self._folder / f"{name}.csv", stream.getvalue().encode())
        self.shown.append(f"## {name}\n\n{text}")

    @contextmanager
    def figure(self, name: str, width: float = 6.4, height: float = 4.0) -> Iterator[Any]:
        """A matplotlib Figure (inches) to draw on, then written as `<name>.png`; the name is the paper's anchor."""
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise RuntimeError("figures need matplotlib in requirements.txt") from error
        name = self._name(name)
        figure, stream = Figure(figsize=(width, height), layout="constrained"), io.BytesIO()
        yield figure
        figure.savefig(stream, format="png", dpi=120)
        _write(self._folder / f"{name}.png", stream.getvalue())
        self.shown.append(f"## {name}\n\n![{name}]({name}.png)\n")

    def _name(self, name: str) -> str:
        self.written.add(name)
        return self._names.get(name, name)

    def cells(self) -> tuple[list[str], list[list[object]]]:
        """Methods as rows, metrics as columns."""
        rows = [[method, *(self.summary(method, m) for m in self.metrics)] for method in self.methods]
        return ["method", *self.metrics], rows


class Laboratory:
    """The experiments in one mode, with their configuration, device and folders."""

    def __init__(self, experiments: Sequence[Experiment], options: argparse.Namespace) -> None:
        self.experiments = {experiment.name: experiment for experiment in experiments}
        self.mode: str = options.mode
        self.plain = _configuration(ROOT / "config.yaml", self.mode, ())
        self.config = _configuration(options.config, self.mode, options.set)
        self._own = _leaves(self.plain)
        self.deadline: float = time.monotonic() + 60 * options.minutes
        torch = sys.modules.get("torch")
        self.device: str = options.device or ("cuda" if torch and torch.cuda.is_available() else "cpu")
        if self.device.startswith("cuda") and not (torch and torch.cuda.is_available()):
            _misused(f"--device {self.device}: PyTorch finds no graphics card here")
        self._processes = _meet(self.device)
        if self._processes > 1 and self.device == "cuda":
            self.device = f"cuda:{os.environ['LOCAL_RANK']}"
        self._reported: int | None = options.seed if options.command == "report" else None
        asked = {key: used for key, (_, used) in self.changed(self.config).items()}
        asked |= {} if self._reported is None else {"seed": self._reported}
        self.reports = ROOT / "results" / self.mode / (f"changed-{_digest(asked)}" if asked else "")
        """Where tables and figures go: those of other settings, or of one seed, take the place of no others."""
        self._data: Path = options.data
        self._code, self._packages = _code(), _packages()
        self._found: dict[str, str] = {}
        self.options = options
        self.stopped: tuple[int, float] = 0, 0.0
        """Of the last run that was skipped on its way: its steps and seconds."""
        self.lowered: dict[str, list[Any]] = {}
        """In a scaled run: dotted key → the value of config.yaml, the one that is used."""
        if self.mode == "scaled":
            with suppress(OSError, ValueError):
                self.lower(json.loads(_SIZES.read_text(encoding="utf-8"))["lowered"])

    def lower(self, lowered: Mapping[str, list[Any]]) -> None:
        """Use other values for some keys, in what is run and in what is summarized."""
        for config in (self.plain, self.config):
            for key, (was, value) in lowered.items():
                *parents, last = key.split(".")
                inside: Any = config
                for part in parents:
                    inside = inside.get(part, {}) if isinstance(inside, dict) else {}
                if isinstance(inside, dict) and inside.get(last) == was:
                    inside[last] = value
                    self.lowered[key] = [was, value]

    def changed(self, sections: Collection[str]) -> dict[str, tuple[Any, Any]]:
        """Where settings are not those of config.yaml: dotted key → the value there, the one that is used."""
        used = _leaves({section: self.config[section] for section in sections})
        own = {key: value for key, value in self._own.items() if key.partition(".")[0] in sections}
        return {k: (own.get(k), used.get(k)) for k in {**own, **used} if own.get(k) != used.get(k)}

    def names(self, experiment: Experiment) -> dict[str, str]:
        """Under which name it writes each table and figure that it shows."""
        others = {a for e in self.experiments.values() if e is not experiment for a in _anchors(e)}
        return {a: f"{a}-{experiment.name}" if a in others else a for a in _anchors(experiment)}

    def settings(self, experiment: Experiment) -> dict[str, Any]:
        """What the runs of an experiment see of the configuration."""
        return {section: self.config[section] for section in experiment.settings or self.config}

    def seeds(self, experiment: Experiment) -> list[int]:
        """Those of this mode; for the report, the one that is asked for."""
        if self._reported is not None:
            return [self._reported]
        seeds: Any = experiment.seeds
        if isinstance(seeds, str):
            key, seeds = seeds, self.config
            for part in key.split("."):
                seeds = seeds[part]
        return list(seeds)[:1] if self.mode == "smoke" else list(seeds)

    def folder(self, data: Data) -> Path:
        """Where a data set lies; in the smoke run its tiny files, which are made once."""
        if self.mode != "smoke":
            return self._data / data.name
        folder = ROOT / "results" / "tiny" / f"{data.name}-{self._code}"
        with _locked(folder.name, wait=True):
            if not folder.exists():
                made = folder.with_name(f".{folder.name}.{os.getpid()}")
                made.mkdir(parents=True)
                data.tiny(made)
                if not data.found(made):
                    raise ValueError(f"the tiny {data.name} lacks one of {', '.join(data.files)}")
                made.rename(folder)
        return folder

    def identity(self, data: Data) -> str:
        """A digest of names, sizes and times of the files of a data set; empty if one is missing."""
        if data.name not in self._found:
            folder = self._data / data.name
            found = [(path.relative_to(folder).as_posix(), path.stat()) for path in data.found(folder)]
            named = [[name, about.st_size, about.st_mtime_ns] for name, about in found]
            self._found[data.name] = _digest(named) if named else ""
        return self._found[data.name]

    def lacking(self, experiment: Experiment) -> str:
        """What to do about data that are not there; empty if nothing."""
        missing = (
            [] if self.mode == "smoke" else [data for data in experiment.needs if not self.identity(data)]
        )
        return "; ".join(
            f"{d.name} ({d.size}) is missing: put {', '.join(d.files)} into {self._data / d.name}. {d.where}"
            for d in missing
        )

    def perform(
        self, experiment: Experiment, method: str, seed: int, *, again: bool = False, wanted_by: str = ""
    ) -> Result:
        """The result of a run, made unless there is one of the same shape. Raises Skipped."""
        if why := self.lacking(experiment):
            raise Skipped(why)
        shape = {
            **{"experiment": experiment.name, "method": method, "seed": seed, "mode": self.mode},
            **{"settings": self.settings(experiment), "code": self._code, "packages": self._packages},
            "data": [] if self.mode == "smoke" else [self.identity(data) for data in experiment.needs],
            "device": self.device.partition(":")[0],
            **({"processes": self._processes} if self._processes > 1 else {}),
        }
        path = ROOT / "results" / self.mode / experiment.name / method / f"{seed}-{_digest(shape)}.json"
        with _locked(path.stem) as alone:
            known = _read(path)
            ended = known is not None and known.status != "failed" and not again
            over = time.monotonic() >= self.deadline
            why = "another process is making it" if not alone else "the time is over: run it again" * over
            ended, why = _agreed((ended, why))
            known = _read(path)
            if ended and known:
                return known
            if why:
                raise Skipped(why)
            if again and _first():
                path.with_suffix(".state").unlink(missing_ok=True)
            news = _news(path.with_suffix(".state"), wanted_by)
            if self.mode == "full" and experiment.gpu and self.device == "cpu":
                news = "; ".join(filter(None, [news, "on a CPU, though it is meant for a GPU"]))
            if _first() and news:
                print(f"{experiment.name}, {method}, seed {seed}: {news}", flush=True)
            dies = KILL in os.environ and not wanted_by
            run = Run(self, experiment, method, seed, path, dies=dies)
            result = self._made(run, experiment, path, shape)
            if _first():
                if dies:
                    _die()
                if known:
                    path.replace(path.with_suffix(f".{known.ended:.0f}.json"))
                told = {**asdict(result), "folder": result.folder.relative_to(ROOT).as_posix()}
                _write(path, json.dumps(told, indent=1).encode())
                path.with_suffix(".state").unlink(missing_ok=True)
        self.derive()
        if result.status == "failed" and self._processes > 1:
            sys.exit(f"{experiment.name}, {method}, seed {seed}: failed: {result.reason}")
        return result

    def _made(self, run: Run, experiment: Experiment, path: Path, shape: dict[str, Any]) -> Result:
        started, status, reason, said = time.monotonic(), "done", "", dict[str, Any]()
        try:
            _seed(run.seed)
            with _alarm(run, alone=self._processes == 1):
                made = experiment.run(run)
            said = {name: v if isinstance(v, Undefined) else _plain(v) for name, v in made.items()}
            if wrong := [
                name for name, v in said.items() if not isinstance(v, (int, float, Undefined, type(None)))
            ]:
                raise TypeError(
                    f"the metric {wrong[0]} is {said[wrong[0]]!r}: neither a number nor Undefined"
                )
            if lost := [name for name, value in said.items() if value is None]:
                status, reason = "diverged", f"not finite: {', '.join(lost)}"
        except Skipped:
            self.stopped = run.steps, time.monotonic() - started
            raise
        except (Diverged, FloatingPointError) as error:
            status, reason = "diverged", str(error)
        except Exception as error:
            if not _first():
                raise  # `torchrun` ends the others, who would wait for this one.
            status, reason = "failed", f"{type(error).__name__}: {error}"
            _print_traceback(error)
        undefined = {name: v.reason if isinstance(v, Undefined) else reason for name, v in said.items()}
        metrics = {name: None if isinstance(v, Undefined) else v for name, v in said.items()}
        return Result(
            experiment.name, run.method, run.seed, path.stem.partition("-")[2], status, reason, metrics,
            {name: why for name, why in undefined.items() if metrics[name] is None}, run.rows,
            round(time.monotonic() - started, 3), time.time(), shape, path.with_suffix(""), run.steps,
        )  # fmt: skip

    def _why_not(self, experiment: Experiment) -> str:
        """Why runs of an experiment that can be made are not there."""
        if experiment.gpu and self.device == "cpu":
            return "it needs a GPU"
        return "the time was over" if time.monotonic() >= self.deadline else "it has not been run yet"

    def results(self, experiment: Experiment, config: Mapping[str, Any]) -> list[Result]:
        """For each method and seed the newest result with these settings, whatever version of the code made it.

        All are of the same data: those that are there, else those of the newest result.
        """
        settings = json.loads(json.dumps({s: config[s] for s in experiment.settings or config}))
        fit = [result for result in self._ended(experiment) if result.shape["settings"] == settings]
        fit.sort(key=lambda result: (result.status != "failed", result.ended))
        there = [] if self.mode == "smoke" else [self.identity(data) for data in experiment.needs]
        data = there if all(there) or not fit else max(fit, key=lambda result: result.ended).shape["data"]
        newest = {(r.method, r.seed): r for r in fit if r.shape["data"] == data}
        asked = [(method, seed) for method in experiment.methods for seed in self.seeds(experiment)]
        return [newest[one] for one in asked if one in newest]

    def _ended(self, experiment: Experiment) -> list[Result]:
        files = sorted((ROOT / "results" / self.mode / experiment.name).glob("*/*-*.json"))
        return [result for result in map(_read, files) if result]

    def derive(self) -> None:
        """Write `results.json` from the files of runs."""
        if not _first():
            return
        names = ("experiment", "method", "seed", "hash", "status", "reason")
        with _locked("results.json", wait=True):
            metrics, undefined, runs = {}, {}, list[dict[str, Any]]()
            for experiment in self.experiments.values():
                report = Report(self, experiment, self.plain)
                for method in experiment.methods if report.results else ():
                    for metric in report.metrics:
                        name, summary = (
                            metric_name(experiment.name, method, metric),
                            report.summary(method, metric),
                        )
                        if summary.seeds or summary.reason:
                            metrics[name] = summary.mean
                        if summary.reason:
                            undefined[name] = summary.reason
                runs += [{name: getattr(r, name) for name in names} for r in self._ended(experiment)]
                why = self.lacking(experiment) or ("" if self.mode == "smoke" else self._why_not(experiment))
                if why:
                    there = {(result.method, result.seed) for result in self._ended(experiment)}
                    runs += [
                        {"experiment": experiment.name, "method": method, "seed": seed, "hash": "",
                         "status": "skipped", "reason": why}
                        for method in experiment.methods
                        for seed in self.seeds(experiment)
                        if (method, seed) not in there
                    ]  # fmt: skip
            told = {"mode": self.mode, "metrics": metrics, "undefined": undefined, "runs": runs}
            if self.lowered:
                told["lowered"] = self.lowered
            # The smoke run's numbers take the place of no others for good.
            for path in (ROOT / "results.json", ROOT / "results" / self.mode / "results.json"):
                _write(path, json.dumps(told, indent=1).encode())


def _news(state: Path, wanted_by: str) -> str:
    """What a person who waits has to know of a run that begins."""
    said = [f"made first, because {wanted_by} uses it"] if wanted_by else []
    return "; ".join([*said, *(["goes on from its checkpoint"] if state.exists() else [])])


def metric_name(experiment: str, method: str, metric: str) -> str:
    """What a metric of a run is called in `results.json`."""
    parts = [experiment, metric] if method == "default" else [experiment, method, metric]
    return re.sub(r"\W", "_", "_".join(parts))


def main(experiments: Sequence[Experiment]) -> None:
    """The command line. Ends with status 1 if a run or a report has failed, 2 if it is used wrongly."""
    failed = True
    try:
        failed = _main(experiments)
        sys.stdout.flush()
    except BrokenPipeError:  # Whoever read has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(failed)


def _main(experiments: Sequence[Experiment]) -> bool:
    options = _options(experiments)
    lab = Laboratory(experiments, options)
    if options.command == "list":
        return _list(lab)
    if options.command == "report":
        return _report(lab)
    chosen, failed = _chosen(lab, options), False
    if options.command == "estimate":
        _estimate(lab, chosen)
        return False
    if lab.mode == "scaled":
        failed = _scaled(lab, chosen, options)
    for experiment in chosen:
        if lab.mode != "scaled":
            failed |= _all_runs(lab, experiment, options)
        report = Report(lab, experiment, lab.settings(experiment))
        if report.results and _first():
            print(f"\n{experiment.name} ({experiment.shows})\n\n{_markdown(*report.cells())}", flush=True)
            print(_otherwise(report.changed), end="")
    lab.derive()
    if options.command is None and _first():
        failed |= _report(lab)
        if options.mode == "full":
            print("Next: `python main.py list` shows all there is, `python main.py run NAME` runs one of it.")
    return failed


def _options(experiments: Sequence[Experiment]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=("list", "run", "report", "estimate"))
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--method")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--config", type=Path, default=ROOT / "config.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--device", default="")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--mode", choices=MODES, default="full")
    parser.add_argument("--smoke", dest="mode", action="store_const", const="smoke")
    options = parser.parse_intermixed_args()
    known = {experiment.name: experiment for experiment in experiments}
    if options.command == "run" and not options.names:
        parser.error(f"run what? {', '.join(known)}, or all")
    for name in options.names:
        if name not in known and name != "all":
            parser.error(f"there is no experiment {name}, only {', '.join(known)}")
        if options.method and name in known and options.method not in known[name].methods:
            parser.error(f"{name} has no method {options.method}, only {', '.join(known[name].methods)}")
    methods = dict.fromkeys(method for experiment in experiments for method in experiment.methods)
    if options.method and options.method not in methods:
        parser.error(f"there is no method {options.method}, only {', '.join(methods)}")
    return options


def _chosen(lab: Laboratory, options: argparse.Namespace) -> list[Experiment]:
    """What to run, the cheapest first."""
    fit = [e for e in lab.experiments.values() if not options.method or options.method in e.methods]
    cheapest = sorted(fit, key=lambda e: (e.gpu, e.minutes))
    if options.command == "run":
        return [e for e in cheapest if "all" in options.names or e.name in options.names]
    if lab.mode != "full" or options.command == "estimate":
        return cheapest
    quick = [e for e in cheapest if not e.needs and not e.gpu and e.minutes <= QUICK_MINUTES]
    if not quick:
        print("Every experiment needs data, a GPU or more than minutes. `python main.py list` shows them.")
    return quick


def _methods(experiment: Experiment, options: argparse.Namespace) -> Sequence[str]:
    return [options.method] if options.method else experiment.methods


def _seeds(lab: Laboratory, experiment: Experiment, options: argparse.Namespace) -> Sequence[int]:
    return lab.seeds(experiment) if options.seed is None else [options.seed]


def _all_runs(lab: Laboratory, experiment: Experiment, options: argparse.Namespace) -> bool:
    """Make those of one experiment; whether one failed. What to do about data that are not there is said once."""
    if why := lab.lacking(experiment):
        if _first():
            print(f"{experiment.name}: skipped: {why}", flush=True)
        return False
    failed = False
    for method in _methods(experiment, options):
        for seed in _seeds(lab, experiment, options):
            failed |= _perform(lab, experiment, method, seed, again=options.again)
    return failed


def _perform(lab: Laboratory, experiment: Experiment, method: str, seed: int, *, again: bool) -> bool:
    """Make one run and say how it went; whether it failed."""
    started = time.time()
    try:
        result = lab.perform(experiment, method, seed, again=again)
    except Skipped as skipped:
        if _first():
            print(f"{experiment.name}, {method}, seed {seed}: skipped: {skipped}", flush=True)
        return False
    when = (
        f"in {result.seconds:.1f} s"
        if result.ended >= started
        else "before; nothing that shapes it has changed"
    )
    numbers = ", ".join(f"{name} {v:.4g}" for name, v in [*result.metrics.items()][:4] if v is not None)
    why = f": {result.reason or numbers}" if result.reason or numbers else ""
    if seed not in lab.seeds(experiment):
        why += f" (tables leave it out: seeds are {', '.join(map(str, lab.seeds(experiment)))})"
    if _first():
        print(f"{experiment.name}, {method}, seed {seed}: {result.status} {when}{why}", flush=True)
    return result.status == "failed"


def _list(lab: Laboratory) -> bool:
    rows = []
    for e in lab.experiments.values():
        results = [r for r in lab.results(e, lab.config) if r.status != "failed"]
        number = len(e.methods) * len(lab.seeds(e))
        mean = statistics.fmean(r.seconds for r in results) if results else 60 * e.minutes / max(number, 1)
        minutes, known = mean * number / 60, "as measured" if results else "as planned"
        takes = f"{minutes:.2g} min" if minutes < 120 else f"{minutes / 60:.0f} h"
        takes += f"{' with a GPU' * e.gpu}, {known}"
        data = [f"{d.name} ({'there' if lab.identity(d) else f'missing, {d.size}'})" for d in e.needs]
        runs = f"{len(results)} of {number}"
        rows.append([e.name, e.shows, ", ".join(e.methods), runs, takes, ", ".join(data) or "none"])
    print(_markdown(["experiment", "shows", "methods", "runs", "takes", "data"], rows))
    print("\n".join(filter(None, map(lab.lacking, lab.experiments.values()))))
    return False


def _report(lab: Laboratory) -> bool:
    """Write tables and figures of what has been run; whether one failed or is not there."""
    failed, shown = False, list[str]()
    for experiment in lab.experiments.values():
        report = Report(lab, experiment, lab.config)
        if not report.results:
            if lab.options.command == "report":
                which = " with these settings" if report.changed else ""
                print(f"{experiment.name}: nothing has been run yet{which}")
            continue
        anchors = _anchors(experiment)
        numbers = f"## {experiment.name}\n\n{_markdown(*report.cells())}"
        tables = [anchor for anchor in anchors if anchor.startswith("Tab")]
        try:
            if experiment.report:
                experiment.report(report)
            else:
                for name in tables or [experiment.name]:
                    report.table(name, *report.cells())
        except Exception as error:
            _print_traceback(error)
            print(f"{experiment.name}: its report failed: {type(error).__name__}: {error}")
            failed = True
            continue
        for anchor in anchors:
            if anchor.startswith(("Tab", "Fig")) and anchor not in report.written:
                print(f"{experiment.name}: its report has not written {anchor}, which it shows")
                failed = True
        old = sum(result.shape["code"] != lab._code for result in report.results)
        if not any(name.startswith("Tab") for name in report.written):
            shown.append(numbers)
        shown += [*report.shown, *_beside_the_paper(report, experiment)]
        shown += [f"{old} of these results were made by earlier code.\n"] if old else []
    if shown:
        said = [] if lab._reported is None else [f"Of seed {lab._reported} alone.\n"]
        said += filter(None, [_otherwise(lab.changed(lab.config))])
        _write(lab.reports / "report.md", "\n".join([*said, *shown]).encode())
        print(f"Tables and figures are in {lab.reports.relative_to(ROOT)}, all of them in its report.md.")
    return failed


def _otherwise(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """Whose settings these are, where they are not those of config.yaml, as a paragraph; else nothing."""
    told = "; ".join(f"`{key}` is {used} in the place of {own}" for key, (own, used) in changed.items())
    return f"These are not the settings of config.yaml: {told}.\n" if told else ""


def _beside_the_paper(report: Report, experiment: Experiment) -> Iterator[str]:
    """What the paper reports of an experiment and what was measured, in the paper's unit.

    Nothing of the smoke run, nor beside changed settings.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        printed = json.loads((ROOT / "docs" / "execution-report.json").read_text(encoding="utf-8"))["results"]
        rows = []
        for number in printed if report.mode != "smoke" and not report.changed else ():
            for metric in report.metrics if number["experiment"] == experiment.name else ():
                if metric_name(experiment.name, number["method"], metric) == number["metric"]:
                    found, factor = report.summary(number["method"], metric), number["factor"]
                    mean, std = (v if v is None else v * factor for v in (found.mean, found.std))
                    off = "" if mean is None else mean - number["paper"]
                    ours = replace(found, mean=mean, std=std)
                    rows.append([number["anchor"], number["method"], metric, number["paper"], ours, off])
        if rows:
            columns = ["in the paper", "method", "metric", "the paper's", "ours", "difference"]
            yield f"### {experiment.name}: the paper's numbers and ours\n\n{_markdown(columns, rows)}"


_SIZES = ROOT / "results" / "scaled" / "sizes.json"


@dataclass(frozen=True)
class Takes:
    """What one run of an experiment takes, as it stands in config.yaml."""

    seconds: float
    how: str
    """`run`: such a run has ended; `begun`: one was begun, and without `steps` it takes longer; `smoke`: by the
    steps of the smoke run; `planned`."""
    tiny: float
    """Seconds of one in the smoke run."""
    steps: int = 0
    """How many it has; 0: not known."""
    memory_gib: float | None = None
    """At most so much was used by then; None: no run of this size was begun."""


def _takes(lab: Laboratory, small: Laboratory, experiment: Experiment, seconds: float) -> Takes:
    """Measured by its first method: a run is begun for at most `seconds`, and stays for later to go on with."""
    planned = 60 * experiment.minutes / (len(experiment.methods) * max(1, len(lab.seeds(experiment))))
    if known := [r for r in lab.results(experiment, lab.config) if r.status == "done"]:
        mean = max(statistics.fmean(r.seconds for r in known), 0.001)
        return Takes(mean, "run", mean, max(r.steps for r in known), _memory_gib())
    method, seed = experiment.methods[0], (lab.seeds(experiment) or [0])[0]
    tiny = small.perform(experiment, method, small.seeds(experiment)[0])
    short = max(tiny.seconds, 0.001)
    steps = _steps_in_full(tiny.steps, _lengths(lab, small, experiment))
    elsewhere = experiment.gpu and lab.device == "cpu"
    otherwise = Takes(planned, "planned", short, steps)
    if steps and not elsewhere:
        otherwise = Takes(steps * tiny.seconds / tiny.steps, "smoke", short, steps)
    if lab.lacking(experiment) or elsewhere:
        return otherwise
    deadline, lab.deadline = lab.deadline, time.monotonic() + seconds
    lab.stopped = 0, 0.0
    try:
        made = lab.perform(experiment, method, seed)
        if made.status == "done":
            return Takes(made.seconds, "run", short, made.steps, _memory_gib())
        return otherwise
    except Skipped:
        done, took = lab.stopped
    finally:
        lab.deadline = deadline
    if done and steps:
        return Takes(steps * took / done, "begun", short, steps, _memory_gib())
    if took > otherwise.seconds:
        otherwise = replace(otherwise, seconds=took, how="begun", steps=0)
    return replace(otherwise, memory_gib=_memory_gib())


def _estimate(lab: Laboratory, experiments: Sequence[Experiment]) -> None:
    """Say what all runs take, one after the other, and write it to `results/estimate.json`."""
    minutes = lab.options.minutes if math.isfinite(lab.options.minutes) else ESTIMATE_MINUTES
    lab.deadline, small = math.inf, _small(lab)
    rows, told = list[list[object]](), list[dict[str, Any]]()
    for e in experiments:
        takes = _takes(lab, small, e, 60 * minutes / len(experiments))
        runs = len(e.methods) * len(lab.seeds(e))
        rows.append([e.name, runs, takes.steps or "", takes.seconds, runs * takes.seconds / 3600, takes.how])
        told.append({"name": e.name, "runs": runs, "gpu": e.gpu, **asdict(takes)})
    lab.derive()
    _write(ROOT / "results" / "estimate.json", json.dumps(told, indent=1).encode())
    print(
        _markdown(["experiment", "runs", "steps of a run", "seconds of a run", "hours", "known from"], rows)
    )


def _scaled(lab: Laboratory, chosen: Sequence[Experiment], options: argparse.Namespace) -> bool:
    """As much as fits: all experiments with their first seed, in sizes that let them; then more seeds, one by one.

    What needs no data comes first, then the cheapest. Whether a run has failed.
    """
    ready = [e for e in chosen if not lab.lacking(e) and not (e.gpu and lab.device == "cpu")]
    ready.sort(key=lambda e: (bool(e.needs), e.minutes))
    for e in chosen:
        if e not in ready and _first():
            print(f"{e.name}: skipped: {lab.lacking(e) or 'it needs a GPU'}", flush=True)
    if math.isfinite(lab.deadline) and ready:
        _fit(lab, ready, options)
    failed, seconds = False, dict[str, float]()
    for n in range(max((len(_seeds(lab, e, options)) for e in ready), default=0)):
        for e in ready:
            first = _first_seeds(lab, e, options)
            now = first if n == 0 else _seeds(lab, e, options)[n : n + 1]
            for method, seed in [
                (m, s) for s in now if n == 0 or s not in first for m in _methods(e, options)
            ]:
                began = time.monotonic()
                if n and _agreed(seconds.get(e.name, 0.0) > lab.deadline - began):
                    continue
                failed |= _perform(lab, e, method, seed, again=options.again)
                seconds[e.name] = max(seconds.get(e.name, 0.0), time.monotonic() - began)
    return failed


def _first_seeds(lab: Laboratory, experiment: Experiment, options: argparse.Namespace) -> Sequence[int]:
    """Those without which there is no comparison: the first, or all where others see the list and so may use all."""
    own = str(experiment.seeds).partition(".")[0]
    used = own not in experiment.settings and any(own in e.settings for e in lab.experiments.values())
    seeds = _seeds(lab, experiment, options)
    return seeds if used else seeds[:1]


def _fit(lab: Laboratory, experiments: Sequence[Experiment], options: argparse.Namespace) -> None:
    """Lower what says how long things go on, as far as the first seed of all experiments needs it.

    All lengths that experiments share are lowered together, by the same part of the way to those of the smoke run in
    logarithms: what is smaller than another there and here is so in between. The same minutes and code find the
    same sizes again.
    """
    said = {"minutes": options.minutes, "code": lab._code, "set": options.set}
    with suppress(OSError, ValueError):
        kept = json.loads(_SIZES.read_text(encoding="utf-8"))
        if {name: kept.get(name) for name in said} == said:
            return
    lab.lowered = {}
    lab.plain = _configuration(ROOT / "config.yaml", lab.mode, ())
    lab.config = _configuration(options.config, lab.mode, options.set)
    small = _small(lab)
    each = BEGINNINGS * 60 * options.minutes / len(experiments)
    takes = {e.name: _takes(lab, small, e, each) for e in experiments}
    lengths = {e.name: _lengths(lab, small, e) for e in experiments}
    groups = list[list[Experiment]]()
    for e in experiments:
        near = [g for g in groups if any(lengths[o.name].keys() & lengths[e.name].keys() for o in g)]
        groups = [g for g in groups if g not in near] + [[o for g in near for o in g] + [e]]

    def cost(group: Sequence[Experiment], part: float) -> float:
        each = [
            (len(_methods(e, options)) * len(_first_seeds(lab, e, options)), takes[e.name]) for e in group
        ]
        return math.fsum(n * math.pow(t.seconds, 1 - part) * math.pow(t.tiny, part) for n, t in each)

    left, lowered = FILLED * (lab.deadline - time.monotonic()), dict[str, list[Any]]()
    groups.sort(key=lambda group: (bool(group[0].needs), cost(group, 0)))
    for number, group in enumerate(groups):
        share = left / (len(groups) - number)
        part = next((n / 20 for n in range(20) if cost(group, n / 20) <= share), 1.0)
        left -= min(cost(group, part), share)
        for key, (tiny, size) in {k: v for e in group for k, v in lengths[e.name].items()}.items():
            if part:
                lowered[key] = [size, _between(size, tiny, part)]
    lab.lower(lowered)
    for key, (size, value) in lab.lowered.items():
        print(f"{key}: {value} in the place of {size}", flush=True)
    if _first():
        _write(_SIZES, json.dumps({**said, "lowered": lab.lowered}, indent=1).encode())


def _lengths(lab: Laboratory, small: Laboratory, experiment: Experiment) -> dict[str, tuple[Any, Any]]:
    """Settings of an experiment that the smoke run lowers and that say how long something goes on: tiny and real."""
    seeds = {e.seeds for e in lab.experiments.values() if isinstance(e.seeds, str)}
    real, tiny = _leaves(lab.settings(experiment)), _leaves(small.settings(experiment))
    return {
        key: (tiny[key], value)
        for key, value in real.items()
        if key in tiny and key not in seeds and _is_longer(key, value, tiny[key])
    }


def _is_longer(key: str, real: Any, tiny: Any) -> bool:
    if isinstance(real, list) and isinstance(tiny, list) and len(real) != len(tiny):
        return len(real) > len(tiny) > 0
    if isinstance(real, list) and isinstance(tiny, list):
        return bool(real) and all(map(partial(_is_longer, key), real, tiny))
    named = LENGTHS.search(key.rpartition(".")[2])
    whole = all(isinstance(n, int) and not isinstance(n, bool) for n in (real, tiny))
    return bool(named) and whole and real > tiny > 0


def _between(real: Any, tiny: Any, part: float) -> Any:
    """Of two sizes, `part` of the way from the real one to the tiny one, in logarithms; of a list so many elements."""
    if isinstance(real, list) and len(real) != len(tiny):
        number = max(1, _between(len(real), len(tiny), part))
        return [real[round(n * (len(real) - 1) / max(1, number - 1))] for n in range(number)]
    if isinstance(real, list):
        return [*map(partial(_between, part=part), real, tiny)]
    return round(real ** (1 - part) * tiny**part)


def _steps_in_full(steps: int, lengths: Mapping[str, tuple[Any, Any]]) -> int:
    """What a run has that has so many in the smoke run, where one to three of its lengths explain them; else 0."""
    whole = [pair for pair in lengths.values() if isinstance(pair[0], int)]
    for number in (1, 2, 3):
        for some in combinations(whole, number):
            if math.prod(tiny for tiny, _ in some) == steps:
                return math.prod(real for _, real in some)
    return 0


def _leaves(config: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Dotted key → value."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        found |= _leaves(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return found


def _small(lab: Laboratory) -> Laboratory:
    """The same in the smoke run."""
    options = {**vars(lab.options), "mode": "smoke", "minutes": math.inf}
    return Laboratory([*lab.experiments.values()], argparse.Namespace(**options))


def _memory_gib() -> float | None:
    """The most that this process has used so far; None where nobody counts it."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 2 ** (30 if sys.platform == "darwin" else 20), 2)


@contextmanager
def _alarm(run: Run, *, alone: bool) -> Iterator[None]:
    """Within it a run that saves no checkpoints is stopped when the time is over. Not on Windows, nor in a thread."""
    main_thread = threading.current_thread() is threading.main_thread()
    if not (math.isfinite(run.time_left) and alone and main_thread and hasattr(signal, "setitimer")):
        yield
        return

    def ring(number: int, frame: Any) -> None:
        if run.steps and run.time_left > -CHECKPOINT_SECONDS:
            signal.setitimer(signal.ITIMER_REAL, CHECKPOINT_SECONDS)  # Its next checkpoint stops it.
            return
        raise Skipped("the time is over, and it saves no checkpoint to go on from")

    handler = signal.signal(signal.SIGALRM, ring)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, max(run.time_left, 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(run.time_left, 0.01) if outer else 0)
        signal.signal(signal.SIGALRM, handler)


def _anchors(experiment: Experiment) -> list[str]:
    return re.findall(r"\w[\w.-]*", experiment.shows)


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    shown = [
        [f"{c:.4g}" if isinstance(c, float) else str(c).replace("|", r"\|") for c in row] for row in rows
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in [columns, ["---"] * len(columns), *shown])


def _configuration(path: Path, mode: str, overrides: Sequence[str]) -> dict[str, Any]:
    """The file, the section of the mode merged over it, and what `--set` says over both."""
    if not path.is_file():
        _misused(f"--config {path}: there is no such file")
    config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    sections = {name: config.pop(name, None) or {} for name in MODES}
    config = _merged(config, sections[mode])
    for override in overrides:
        key, given, text = override.partition("=")
        *parents, last = key.split(".")
        inside: Any = config
        for part in parents:
            inside = inside.get(part) if isinstance(inside, dict) else None
        if not given:
            _misused(f"--set {override}: write KEY=VALUE, such as section.key=3")
        if not isinstance(inside, dict) or last not in inside:
            known = ", ".join(inside) if isinstance(inside, dict) and inside else "none"
            _misused(f"--set {key}: there is no such key in {path}; there: {known}")
        if isinstance(inside[last], dict):
            _misused(f"--set {key}: that is a section; set one of its keys: {', '.join(inside[last])}")
        inside[last] = _like(_finest(key, inside[last], sections), text, f"--set {override}: {key}")
    return config


def _finest(key: str, value: Any, sections: Mapping[str, Any]) -> Any:
    """A whole number as a fraction where a mode's section has one: then it can be any number."""
    for section in sections.values():
        for part in key.split("."):
            section = section.get(part) if isinstance(section, dict) else None
        if type(value) is int and isinstance(section, float):
            return float(value)
    return value


def _like(value: Any, text: str, what: str) -> Any:
    """What `text` says, which has to be of the type of `value`, or null; where `value` is null, of any type."""
    if isinstance(value, str):
        return text
    said = yaml.safe_load(text)
    if isinstance(said, str) and isinstance(value, (int, float)):
        with suppress(ValueError):
            said = float(said)  # YAML takes 1e-4 for text.
    if isinstance(value, int) and isinstance(said, float) and said.is_integer():
        said = int(said)
    kinds = {bool: "true or false", int: "a whole number", float: "a number", list: "a list, such as [1, 2]"}
    fits = isinstance(said, (int, float)) if isinstance(value, float) else isinstance(said, type(value))
    if None not in (value, said) and (not fits or isinstance(said, bool) != isinstance(value, bool)):
        _misused(f"{what} is {kinds.get(type(value), type(value).__name__)}; now it is {json.dumps(value)}")
    return said


def _misused(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    sys.exit(2)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    nested = {
        k: _merged(base[k], v)
        for k, v in over.items()
        if isinstance(v, dict) and isinstance(base.get(k), dict)
    }
    return {**base, **over, **nested}


def _code() -> str:
    """A digest of what the repository's Python files do, but for tests: neither comments nor docstrings count."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(
            f for f in folders if f[0] not in "._" and not (Path(folder) / f / "pyvenv.cfg").exists()
        )
        if Path(folder) == ROOT:
            folders[:] = [name for name in folders if name not in ("data", "docs", "results", "tests")]
        for path in (Path(folder, name) for name in sorted(names) if name.endswith(".py")):
            text = path.read_bytes()
            done = text if path == Path(__file__) else _undocumented(text).encode()
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + done + b"\0")
    return digest.hexdigest()[:12]


def _undocumented(text: bytes) -> str:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text.decode(errors="replace")
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree)


def _packages() -> list[str]:
    """Python and what requirements.txt names, as installed."""
    found, file = [f"python=={sys.version_info.major}.{sys.version_info.minor}"], ROOT / "requirements.txt"
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        if match := re.match(r"[\w.-]+", line):
            with suppress(importlib.metadata.PackageNotFoundError):
                found.append(f"{match[0]}=={importlib.metadata.version(match[0])}")
    return found


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    """What JSON can hold: the number in an array or tensor, None for one that is not finite."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


_known: dict[Path, tuple[int, Result]] = {}
"""Results by file, with its time: after each run all are looked at, and there may be thousands."""


def _read(path: Path) -> Result | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        stamp = path.stat().st_mtime_ns
        if path not in _known or _known[path][0] != stamp:
            told = json.loads(path.read_text(encoding="utf-8"))
            _known[path] = stamp, Result(**{**told, "folder": ROOT / told["folder"]})
        return _known[path][1]
    return None


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, whenever the process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


@contextmanager
def _locked(name: str, *, wait: bool = False) -> Iterator[bool]:
    """Whether no other process holds this lock, which a dying one frees.

    Without locks (Windows, some network file systems) always.
    """
    try:
        import fcntl
    except ImportError:
        yield True
        return
    path = ROOT / "results" / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            if wait or _first():
                fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            alone = True
        except OSError as error:
            alone = not isinstance(error, BlockingIOError)
        yield alone


def _first() -> bool:
    """Of processes that make one run together (`torchrun`), the first alone writes."""
    return os.environ.get("RANK", "0") == "0"


def _meet(device: str) -> int:
    """How many processes make each run together; those of `torchrun` wait for each other here."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1:
        import torch

        if torch.distributed.is_initialized():
            return processes
        if device.startswith("cuda"):
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        # Its threads would bring the process down at its end.
        atexit.register(torch.distributed.destroy_process_group)
    return processes


def _agreed(value: Any) -> Any:
    """What the first of the processes that make a run together says."""
    torch = sys.modules.get("torch")
    if not (torch and torch.distributed.is_available() and torch.distributed.is_initialized()):
        return value
    told = [value]
    torch.distributed.broadcast_object_list(told)
    return told[0]


def _die() -> None:
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def _seed(seed: int) -> None:
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def _random_state() -> dict[str, Any]:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    return {
        "random": random.getstate(),
        "numpy": numpy.random.get_state() if numpy else None,
        "torch": torch.get_rng_state() if torch else None,
        "cuda": torch.cuda.get_rng_state_all() if torch and torch.cuda.is_available() else None,
    }


def _set_random_state(state: Mapping[str, Any]) -> None:
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    random.setstate(state["random"])
    if numpy and state["numpy"]:
        numpy.random.set_state(state["numpy"])
    if torch and state["torch"] is not None:
        torch.set_rng_state(state["torch"].cpu())
    if torch and state["cuda"]:
        torch.cuda.set_rng_state_all([one.cpu() for one in state["cuda"]])


def _print_traceback(error: BaseException) -> None:
    """Without the harness's own frames, unless there are no others."""
    frame = error.__traceback__
    while frame and frame.tb_next and frame.tb_frame.f_code.co_filename == __file__:
        frame = frame.tb_next
    traceback.print_exception(type(error), error, frame)
