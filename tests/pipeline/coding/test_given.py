"""What a program writes into every repository."""

from pipeline.coding.given import PYTHON, given
from tests.pipeline.plans import LOGIC


def test_the_version_of_python_is_said_where_people_start() -> None:
    files = given(LOGIC)
    assert files[".python-version"].strip() == PYTHON
    assert "the Python of .python-version" in files["reproduce.sh"].partition("cd ")[0]
