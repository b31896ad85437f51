"""Leases and journals, as several machines use them at once."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.jobs.database import Journals, Leases, alone, connect, private
from pipeline.errors import PipelineError
from pipeline.model.journal import Entry, Journal
from pipeline.model.llm import Usage
from tests.bot.conftest import until

LONG = 1e9


@pytest.fixture
def engine(database: str) -> Iterator[sa.Engine]:
    engine = connect(database)
    yield engine
    engine.dispose()


@pytest.fixture
def leases(engine: sa.Engine) -> Leases:
    return Leases(engine)


def test_a_sign_of_life_does_not_bring_back_a_lease_that_is_another_s(leases: Leases) -> None:
    leases.take("w", "first")
    assert leases.holds("w", "first")
    assert leases.renew("w", "first")
    leases.take("w", "second")
    assert not leases.renew("w", "first")
    leases.release("w", "first")
    assert leases.holds("w", "second")
    assert not leases.holds("w", "first")


def test_a_living_holder_keeps_its_workflow(leases: Leases) -> None:
    leases.take("w", "first")
    assert leases.silent({"w": 0}, 60) == []
    assert not leases.claim("w", "second", 0, 60)
    assert leases.holds("w", "first")


def test_what_was_given_back_can_be_claimed_at_once_and_once(leases: Leases) -> None:
    leases.take("w", "first")
    leases.release("w", "first")
    assert leases.silent({"w": LONG}, 60) == ["w"]
    assert leases.claim("w", "second", LONG, 60)
    assert leases.silent({"w": LONG}, 60) == []
    assert not leases.claim("w", "third", LONG, 60)


def test_an_execution_that_has_just_begun_need_not_have_given_a_sign(engine: sa.Engine) -> None:
    leases = Leases(engine)
    now = 4e9  # the next century
    assert leases.silent({"w": now}, 60) == []
    assert not leases.claim("w", "second", now, 60)
    assert leases.silent({"v": 0}, 60) == ["v"]
    assert leases.claim("v", "second", 0, 60)


def test_one_of_many_gets_a_silent_workflow(leases: Leases) -> None:
    leases.take("w", "first")
    together = Barrier(8)

    def claim(name: str) -> bool:
        together.wait()
        return leases.claim("w", name, 0, 0.3)

    until(lambda: leases.silent({"w": 0}, 0.3) == ["w"])
    with ThreadPoolExecutor(8) as pool:
        won = [name for name, got in zip("abcdefgh", pool.map(claim, "abcdefgh"), strict=True) if got]
    assert len(won) == 1
    assert leases.holds("w", won[0])


MOVES = st.lists(
    st.tuples(st.sampled_from(["take", "renew", "release", "claim living", "claim"]), st.sampled_from("abc")),
    max_size=12,
)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('leases')}/jobs.sqlite")
    yield engine
    engine.dispose()


@settings(max_examples=30)
@given(moves=MOVES)
def test_however_workers_interleave_one_holds_and_the_others_know(
    lasting: sa.Engine, moves: list[tuple[str, str]]
) -> None:
    leases, holder = Leases(lasting), ""
    leases.take("w", "")
    for move, name in moves:
        if move == "take":
            leases.take("w", name)
            holder = name
        elif move == "renew":
            assert leases.renew("w", name) == (holder == name)
        elif move == "release":
            leases.release("w", name)
            holder = "" if holder == name else holder
        else:
            # Nobody is silent for a thousand seconds; everybody is for minus one.
            got = leases.claim("w", name, 0, 1000 if move == "claim living" else -1)
            assert got == (holder == "" or move == "claim")
            holder = name if got else holder
        assert [each for each in "abc" if leases.holds("w", each)] == [each for each in holder if each]


COUNT = """
import sys
from pathlib import Path
from bot.jobs.database import alone, connect
engine, file = connect(sys.argv[1]), Path(sys.argv[2])
for _ in range(20):
    with alone(engine):
        number = int(file.read_text())
        file.write_text(str(number + 1))
"""


def test_one_is_alone_among_all_processes(engine: sa.Engine, database: str, tmp_path: Path) -> None:
    file, root = tmp_path / "number", Path(__file__).parents[3]
    with alone(engine):
        file.write_text("0")
        command = [sys.executable, "-c", COUNT, database, file]
        processes = [subprocess.Popen(command, cwd=root) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert file.read_text() == "60"


def test_whoever_comes_while_another_makes_the_file_waits_for_it(tmp_path: Path) -> None:
    """As web process and worker come together when both are started for the first time."""
    url, file = f"sqlite:///{tmp_path}/jobs.sqlite", tmp_path / "jobs.sqlite"
    with (
        ThreadPoolExecutor(1) as pool,
        alone(sa.create_engine(url)),
        closing(sqlite3.connect(file, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")  # what a change of the journal's mode begins with
        coming = pool.submit(connect, url)
        with pytest.raises(TimeoutError):
            coming.result(0.5)
    coming.result(30).dispose()


def test_another_process_that_leaves_takes_nothing_along(tmp_path: Path) -> None:
    """SQLite's last user tidies its journal away, and must not take itself for that one."""
    file = tmp_path / "jobs.sqlite"
    engine = connect(f"sqlite:///{file}")
    connect(f"sqlite:///{file}").dispose()  # a worker has two: its engine's, and its journals'
    look = (
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM sqlite_master').fetchall()"
    )
    subprocess.run([sys.executable, "-c", look, file], check=True)
    assert file.with_name(f"{file.name}-wal").exists()
    engine.dispose()


def entry(number: int) -> Entry:
    return Entry(stage=f"s{number}", key=f"k{number}", completion="Line\u2028separator\x00", usage=Usage())


def written(path: Path, journals: Journals, *numbers: int) -> list[str]:
    """What a run finds; it adds entries with `numbers`."""
    journal = Journal(path, resume=True, keep=journals.open(path))
    for number in numbers:
        journal.append(entry(number))
    journal.close()
    return [each.stage for each in journal.entries]


def test_another_machine_goes_on_with_a_journal(engine: sa.Engine, tmp_path: Path) -> None:
    journals = Journals(engine)
    here, there = (tmp_path / machine / "a-job" / "journal.jsonl" for machine in ("here", "there"))
    assert written(here, journals, 1, 2) == []
    assert written(there, journals, 3) == ["s1", "s2"]
    assert written(here, journals) == ["s1", "s2", "s3"]
    assert here.read_bytes() == there.read_bytes()
    assert written(there.parent.parent / "other-job" / "journal.jsonl", journals) == []


def test_a_journal_that_only_this_machine_has_is_stored(engine: sa.Engine, tmp_path: Path) -> None:
    """As that of a paper whose database was away, or was another one then."""
    path = tmp_path / "a-job" / "journal.jsonl"
    journal = Journal(path, resume=True)
    journal.append(entry(1))
    journal.close()
    with path.open("a") as file:
        file.write('{"stage": "half a li')
    assert written(path, Journals(engine), 2) == ["s1"]
    assert written(path, Journals(engine)) == ["s1", "s2"]
    path.unlink()
    assert written(path, Journals(engine)) == ["s1", "s2"]


def test_a_run_that_was_taken_for_dead_neither_blocks_nor_loses_what_it_pays_for(
    engine: sa.Engine, tmp_path: Path
) -> None:
    path, journals = tmp_path / "a-job" / "journal.jsonl", Journals(engine)
    slow = Journal(path, resume=True, keep=journals.open(path))
    slow.append(entry(1))
    assert written(path, journals, 2) == ["s1"]
    slow.append(entry(3))
    slow.close()
    assert written(path, journals) == ["s1", "s2", "s3"]


def test_a_call_that_cannot_be_stored_does_not_count_as_finished(engine: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "a-job" / "journal.jsonl"
    journal = Journal(path, resume=True, keep=Journals(engine, waits=(0, 0)).open(path))
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE paper2code_calls RENAME TO away"))
    with pytest.raises(PipelineError, match="database"):
        journal.append(entry(1))
    journal.close()
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO paper2code_calls"))
    assert written(path, Journals(engine)) == ["s1"]


def test_a_journal_is_opened_though_the_database_is_away_for_a_moment(
    engine: sa.Engine, tmp_path: Path
) -> None:
    path = tmp_path / "a-job" / "journal.jsonl"
    journal = Journal(path, resume=True)
    journal.append(entry(1))
    journal.close()
    left = ["SELECT", "INSERT"]

    def refuse(cursor: object, statement: str, *_: object) -> None:
        if left and statement.startswith(left[0]):
            left.pop(0)
            raise engine.dialect.loaded_dbapi.OperationalError("disk I/O error")

    sa.event.listen(engine, "do_execute", refuse)
    assert written(path, Journals(engine, waits=(0,))) == ["s1"]
    assert not left


def test_a_database_that_cannot_keep_every_text_is_refused_in_words(of_bytes: str) -> None:
    with pytest.raises(PipelineError, match="its encoding is SQL_ASCII") as refused:
        connect(of_bytes)
    assert "ENCODING 'UTF8'" in refused.value.hint


def test_what_is_old_is_forgotten(engine: sa.Engine, tmp_path: Path) -> None:
    journals, leases = Journals(engine), Leases(engine)
    path = tmp_path / "a-job" / "journal.jsonl"
    written(path, journals, 1, 2)
    leases.take("w", "first")
    assert journals.forget(days=1) == 0
    assert leases.holds("w", "first")
    assert journals.forget(days=-1) == 2
    assert not leases.holds("w", "first")


def test_a_database_file_is_private_whoever_made_it_and_a_folder_that_others_need_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    for name in ("jobs.sqlite", "jobs.sqlite.lock"):
        (tmp_path / name).touch(mode=0o644)
    monkeypatch.chdir(tmp_path)
    for url in (
        "sqlite:///jobs.sqlite",
        f"sqlite:///{tmp_path}/jobs.sqlite",
        f"sqlite:///{tmp_path}/new/jobs.sqlite",
    ):
        engine = connect(url)
        with alone(engine), engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE IF NOT EXISTS t (x INTEGER)"))
        engine.dispose()
    modes = {path: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert all(not mode & 0o077 for mode in modes.values()), modes
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_a_data_folder_is_private_whoever_made_it_unless_it_is_everybodys(tmp_path: Path) -> None:
    mine, everybodys = tmp_path / "mine", tmp_path / "everybodys"
    mine.mkdir(mode=0o755)
    everybodys.mkdir()
    everybodys.chmod(0o1777)
    for folder in (mine, tmp_path / "new"):
        private(folder)
        assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(PermissionError, match="a folder of its own"):
        private(everybodys)
    assert everybodys.stat().st_mode & 0o7777 == 0o1777
