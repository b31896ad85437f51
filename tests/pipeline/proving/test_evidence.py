"""Lines that a model names are looked up in files of strangers, however many of them and however long."""

import time

import pytest

from pipeline.coding.repository import Repository
from pipeline.proving.evidence import Evidence, Place, locate

CODE = "x = 1  # one\n\n\ndef f():\n    x = 1\n    return x  # one\n\n\nx = 1\n"


@pytest.mark.parametrize(
    ("symbol", "line", "found"),
    [
        ("", "x = 1", Place("a.py", 1, 1, "")),
        ("", "  x = 1  # one ", Place("a.py", 1, 1, "")),
        ("", "return x", Place("a.py", 6, 6, "")),
        ("f", "x = 1", Place("a.py", 4, 6, "f")),
        ("f", "x = 1  # one", "`x = 1  # one` does not stand in f"),
        ("", " ", "`` does not stand in a.py"),
    ],
)
def test_a_line_is_found_with_its_comment_and_without(symbol: str, line: str, found: Place | str) -> None:
    assert locate(Evidence(file="a.py", symbol=symbol, line=line), Repository({"a.py": CODE})) == found


def test_lines_without_end_are_looked_up_in_long_files_soon() -> None:
    repository = Repository({"a.txt": "x\n" * 120_000 + "y\n"})
    began = time.process_time()
    for number in range(500):
        locate(Evidence(file="a.txt", symbol="", line=f"{number}"), repository)
    assert time.process_time() - began < 5  # a quarter of a minute where each looks at every line
