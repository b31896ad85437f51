"""What a program writes into every repository."""

from pipeline.coding.given import PYTHON, given
from pipeline.planning.plan import DataSet
from tests.pipeline.plans import LOGIC


def test_addresses_of_data_can_be_copied() -> None:
    where = "Unpack https://www.example.org/a_b/c.tgz, then https://example.org/d."
    data = DataSet(name="digits", files=("a.csv",), size="1 kB", where=where)
    text = given(LOGIC.model_copy(update={"data": (data,)}))["data/README.md"]
    assert "Unpack `https://www.example.org/a_b/c.tgz`, then `https://example.org/d`." in text
    assert "\u200b" not in text


def test_the_version_of_python_is_said_where_people_start() -> None:
    files = given(LOGIC)
    assert files[".python-version"].strip() == PYTHON
    assert "the Python of .python-version" in files["reproduce.sh"].partition("cd ")[0]
