"""What a program writes into every repository."""

from pipeline.coding.given import given
from tests.pipeline.plans import LOGIC


def test_the_version_of_python_is_said_where_people_start() -> None:
    files = given(LOGIC)
    version = files[".python-version"].strip()
    assert f"Python {version}" in files["reproduce.sh"].partition("cd ")[0]
