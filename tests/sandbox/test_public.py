"""What is delivered is resolved as strangers' machines would, without what this host has of its own."""

from pathlib import Path

from sandbox import packages as wheels
from sandbox.contents import contents
from sandbox.public import PLATFORMS, public, without_builds
from sandbox.requirements import requirements
from tests.conftest import available


def test_builds_of_our_own_are_no_versions_for_others() -> None:
    pins = ["torch==2.13.0+cpu", "jax==0.4+cuda12-local_1; os_name == 'a+b'", "numpy==2.4.6", "x", "# c+d"]
    assert without_builds(pins).pins == (
        "torch==2.13.0",
        "jax==0.4; os_name == 'a+b'",
        "numpy==2.4.6",
        "x",
        "# c+d",
    )


def test_what_the_sandbox_ran_with_can_be_installed_on_three_platforms(packages: Path) -> None:
    found = public(["numpy==2.1.3", "PyYAML==6.0.2"], "3.11", packages)
    assert found.pins == ("numpy==2.1.3", "pyyaml==6.0.2")
    assert found.platforms == dict.fromkeys(PLATFORMS, "")


def test_torch_and_its_sisters_agree_though_the_sandbox_has_builds_of_its_own(
    packages: Path, tmp_path: Path
) -> None:
    platform = available("local").platform()
    (tmp_path / "main.py").write_text("import torch\nimport torchvision\n")
    lock = packages_of(tmp_path, packages)
    here = [pin for pin in lock.pins if pin.startswith("torch")]
    found = public(here, platform.python, packages)
    assert not [pin for pin in found.pins if "+" in pin]
    assert [pin.split("==")[0] for pin in found.pins] == ["torch", "torchvision"]
    assert found.platforms == dict.fromkeys(PLATFORMS, ""), (
        "they require each other in exactly these versions"
    )
    (tmp_path / "requirements.txt").write_text("\n".join(found.pins))
    assert [pin for pin in packages_of(tmp_path, packages).pins if pin.startswith("torch")] == here


def packages_of(directory: Path, cache: Path) -> wheels.Lock:
    return wheels.resolve(requirements(contents(directory)).wanted, available("local").platform(), cache)


def test_a_version_that_only_we_have_gives_way(packages: Path) -> None:
    found = public(["numpy==99.1.0", "PyYAML==6.0.2"], "3.11", packages)
    name, version = found.pins[0].split("==")
    assert name == "numpy" and version != "99.1.0"
    assert found.pins[1] == "pyyaml==6.0.2"


def test_what_one_platform_lacks_is_told(packages: Path) -> None:
    found = public(["triton==3.1.0"], "3.11", packages)
    assert found.pins == ("triton==3.1.0",)
    assert found.platforms["Linux x86-64"] == ""
    assert "triton" in found.platforms["macOS arm64"]


def test_a_line_without_a_version_is_left_alone(packages: Path) -> None:
    assert public(["no-such-package-of-anybody"], "3.11", packages).pins == ("no-such-package-of-anybody",)


def test_what_is_no_pin_for_this_platform_is_left_alone(packages: Path) -> None:
    lines = ["# as in numpy==1.0", "(==1", "pywin32==306; sys_platform == 'win32'", "six==1.16.0  # old"]
    assert public(lines, "3.11", packages).pins == (*lines[:3], "six==1.16.0")
