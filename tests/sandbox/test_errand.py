from sandbox.errand import Errand
from sandbox.interface import Command


def test_an_answer_is_taken_only_whole() -> None:
    """However the line is cut: neither half a sentence nor half a file passes for the answer."""
    said = (
        b'{"exit_code": 0, "seconds": 0.5, "timed_out": false, "oom": false, "outputs": [["a", 3], ["b", 2]]}'
    )
    whole = said + b"\nonetw"
    for end in range(len(whole)):
        errand = Errand(Command(("true",)))
        errand.hear(whole[:end])
        assert not errand.complete
    errand.hear(whole[end:])
    assert errand.complete
    assert errand.result().outputs == {"a": b"one", "b": b"tw"}
