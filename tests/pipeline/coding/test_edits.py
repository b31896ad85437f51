import time
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coding.edits import EditError, apply, lines_changed, parse
from pipeline.coding.repository import Repository

MODEL = """\
class Model:
    def fit(self, x):
        total = 0
        for value in x:
            total += value
        return total

    def score(self, x):
        return self.fit(x)
"""
REPOSITORY = Repository({"model.py": MODEL, "main.py": "import model\n", "crlf.py": "a = 1\r\nb = 2\r\n"})


def block(path: str, search: str, replace: str) -> str:
    return f"{path}\n<<<<<<< SEARCH\n{search}=======\n{replace}>>>>>>> REPLACE\n"


def applied(answer: str, repository: Repository = REPOSITORY) -> Repository:
    return apply(repository, parse(answer))


def test_a_block_replaces_the_lines_that_it_names() -> None:
    answer = "The cause is the sum.\n\n" + block("model.py", "        total = 0\n", "        total = 0.0\n")
    assert applied(answer).files["model.py"] == MODEL.replace("total = 0\n", "total = 0.0\n")


@pytest.mark.parametrize(
    "heading",
    [
        "model.py",
        "`model.py`",
        "**model.py**",
        "### model.py",
        "File: model.py",
        "./model.py",
        "model.py:",
        "1. `model.py`",
    ],
)
def test_the_path_may_be_decorated(heading: str) -> None:
    answer = block(heading, "        total = 0\n", "        total = 1\n")
    assert "total = 1" in applied(answer).files["model.py"]


@pytest.mark.parametrize(
    "answer",
    [
        "model.py\n```python\n{}```\n",
        "```python\nmodel.py\n{}```\n",
        "```python model.py\n{}```\n",
        "model.py\n\n~~~\n{}~~~\n",
        "Look:\n```\nsome output\n```\nThus:\n\nmodel.py\n{}",
    ],
)
def test_blocks_may_be_fenced(answer: str) -> None:
    inner = block("", "        total = 0\n", "        total = 1\n").removeprefix("\n")
    assert "total = 1" in applied(answer.format(inner)).files["model.py"]


def test_several_blocks_of_one_file_may_share_the_path() -> None:
    first = block("model.py", "        total = 0\n", "        total = 1\n")
    second = block("", "        return self.fit(x)\n", "        return -self.fit(x)\n")
    after = applied(first + second).files["model.py"]
    assert "total = 1" in after
    assert "return -self" in after


def test_an_empty_search_adds_a_file() -> None:
    assert applied(block("new/data.py", "", "x = 1\n")).files["new/data.py"] == "x = 1\n"
    with pytest.raises(EditError, match="exists already"):
        applied(block("model.py", "", "x = 1\n"))


def test_an_empty_replacement_deletes_lines() -> None:
    assert (
        "score"
        not in applied(
            block("model.py", "\n    def score(self, x):\n        return self.fit(x)\n", "")
        ).files["model.py"]
    )


@pytest.mark.parametrize(
    ("search", "replace", "expected"),
    [
        pytest.param(
            "        total = 0  \n        for value in x:\t\n",
            "        total = 1\n        for value in x:\n",
            "        total = 1\n",
            id="trailing spaces",
        ),
        pytest.param(
            "total = 0\nfor value in x:\n    total += value\n",
            "total = sum(x)\nif total:\n    print(total)\n",
            "        total = sum(x)\n        if total:\n            print(total)\n",
            id="no indentation",
        ),
        pytest.param(
            "  total = 0\n  for value in x:\n",
            "  total = 1\n  for value in x:\n      # each\n",
            "        total = 1\n        for value in x:\n            # each\n",
            id="another indentation, and a line deeper than those searched",
        ),
        pytest.param(
            "\n        total=0\n\n",
            "        total = 2\n",
            "        total = 2\n        for value",
            id="spaces within, blank lines around",
        ),
    ],
)
def test_white_space_is_forgiven_and_indentation_moves(search: str, replace: str, expected: str) -> None:
    after = applied(block("model.py", search, replace)).files["model.py"]
    assert expected in after
    compile(after, "model.py", "exec")


def test_indentation_moves_to_the_left_too() -> None:
    after = applied(block("main.py", "    import model\n", "    import model\n    if model:\n        pass\n"))
    assert after.files["main.py"] == "import model\nif model:\n    pass\n"


def test_an_exact_place_wins_over_a_similar_one() -> None:
    repository = Repository({"a.py": "if x:\n    y = 1\ny = 1\n"})
    assert (
        applied(block("a.py", "y = 1\n", "y = 2\n"), repository).files["a.py"] == "if x:\n    y = 1\ny = 2\n"
    )


def test_line_endings_stay_as_they_are() -> None:
    answer = block("crlf.py", "a = 1\n", "a = 3\n").replace("\n", "\r\n")
    assert applied(answer).files["crlf.py"] == "a = 3\r\nb = 2\r\n"


def test_a_text_may_contain_the_markers() -> None:
    repository = Repository({"notes.md": "Title\n=======\nold\n"})
    answer = block("notes.md", "Title\n=======\nold\n", "Title\n=======\nnew\n")
    assert applied(answer, repository).files["notes.md"] == "Title\n=======\nnew\n"
    inner = block("x.py", "a\n", "b\n")
    repository = Repository({"prompt.md": f"Example:\n{inner}end\n"})
    answer = block("prompt.md", f"{inner}end\n", f"{inner}END\n")
    assert applied(answer, repository).files["prompt.md"] == f"Example:\n{inner}END\n"


def test_a_whole_file_is_a_path_and_a_fence() -> None:
    answer = "It has to be written anew.\n\nmodel.py\n```python\nx = 1\n```\n"
    assert applied(answer).files["model.py"] == "x = 1\n"
    with_fences = "README.md\n````markdown\n# A\n```sh\nrun\n```\n````\nDone.\n"
    assert applied(with_fences).files["README.md"] == "# A\n```sh\nrun\n```\n"
    nested = 'model.py\n```python\n"""\n```python\nf()\n```\n"""\nx = 1\n```\n'
    assert applied(nested).files["model.py"] == '"""\n```python\nf()\n```\n"""\nx = 1\n'


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("I cannot find the cause.", "holds no edits"),
        ("```python\nx = 1\n```\n", "holds no edits"),
        ("model.py\n<<<<<<< SEARCH\na\n=======\nb\n", "not closed"),
        ("model.py\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n", "no line `=======`"),
        ("a\n>>>>>>> REPLACE\n", "without `<<<<<<< SEARCH`"),
        ("<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n", "no path"),
        ("model.py\n```python\nx = 1\n", "not closed"),
        (block("modle.py", "a\n", "b\n"), "Did you mean model.py"),
        (block("model.py", "        return total\n", "        return total\n"), "changes nothing"),
        (block(".github/workflows/x.yml", "", "on: push\n"), "hidden files"),
        (block("../x.py", "", "x\n"), "cannot be written"),
    ],
)
def test_what_cannot_be_applied_says_why(answer: str, message: str) -> None:
    with pytest.raises(EditError, match=message):
        applied(answer)


def test_a_search_that_is_not_there_quotes_the_nearest_lines() -> None:
    with pytest.raises(EditError) as error:
        applied(block("model.py", "        for item in x:\n            total += item\n", "        pass\n"))
    assert "for value in x:\n            total += value" in str(error.value)


def test_a_search_that_is_there_twice_names_the_lines() -> None:
    repository = Repository({"a.py": "x = 1\ny = 2\nx = 1\n"})
    with pytest.raises(EditError, match=r"2 times \(lines 1, 3\)"):
        applied(block("a.py", "x = 1\n", "x = 2\n"), repository)


def test_either_all_edits_are_applied_or_none() -> None:
    good, bad = block("model.py", "        total = 0\n", ""), block("model.py", "nowhere\n", "")
    with pytest.raises(EditError):
        applied(good + bad)
    assert REPOSITORY.files["model.py"] == MODEL


characters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85")
lines = st.lists(st.text(characters, max_size=8), min_size=1, max_size=6)


@given(lines, lines, st.data())
def test_any_unique_part_of_a_file_can_be_replaced(
    before: list[str], new: list[str], data: st.DataObject
) -> None:
    unique = [f"{number} {line}".rstrip() for number, line in enumerate(before)]
    start = data.draw(st.integers(0, len(unique) - 1))
    stop = data.draw(st.integers(start + 1, len(unique)))
    replacement = [f"+ {line}".rstrip() for line in new]
    repository = Repository({"a.txt": "\n".join(unique) + "\n"})
    answer = block("a.txt", "\n".join([*unique[start:stop], ""]), "\n".join([*replacement, ""]))
    expected = "\n".join([*unique[:start], *replacement, *unique[stop:]]) + "\n"
    assert applied(answer, repository).files["a.txt"] == expected


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("```python\n" * 50_000, "more than 20 fences"),
        (block("model.py", "a\n" + "=======\n" * 20_000, "b\n"), "20001 lines `=======`"),
        (block("same.py", "x\n" * 9_000 + "y\n", ""), "does not stand"),
        (block("same.py", "x\n" * 9_000, ""), r"11001 times \(lines 1, 2, .*, …\)"),
        (block("long.py", "x\n" * 9_000, ""), "does not stand"),
        (block("new.py", "", "x\n") * 20_000, "more than 500 edits"),
        (
            block("new.py", "", "1\n" + "x\n" * 20_000)
            + "".join(block("new.py", f"{n}\n", "=======\n" * 19 + f"{n + 1}\n") for n in range(1, 400)),
            "400 edits.*write whole files",
        ),
    ],
)
def test_an_answer_that_repeats_itself_is_refused_in_linear_time(answer: str, message: str) -> None:
    repository = Repository({"same.py": "x\n" * 20_000, "long.py": ("y" * 400 + "\n") * 4_000})
    began = time.process_time()

    with pytest.raises(EditError, match=message) as error:
        applied(answer, repository)

    assert time.process_time() - began < 5 and len(str(error.value)) < 50_000


def test_many_edits_of_a_long_file_are_applied() -> None:
    text = "".join(f"    value_{number} = compute_something({number}, of=this)\n" for number in range(2_000))
    edits = "".join(
        block("long.py", f"value_{n} = compute_something({n}, of=this)\n", f"x{n}\n") for n in range(499)
    )
    after = applied(edits, Repository({"long.py": text})).files["long.py"]
    assert after.count("    x") == 499


def test_lines_changed_are_those_that_a_reviewer_looks_at() -> None:
    before = Repository({"a.py": "1\n2\n3\n4\n", "gone.py": "x\ny\n"})
    after = Repository({"a.py": "1\nTWO\n3\n3b\n4\n", "new.py": dedent("x = 1\n")})
    assert lines_changed(before, after) == 1 + 1 + 2 + 1
    assert lines_changed(before, before) == 0
