import hashlib
import io
import itertools
import os
import socket
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest

from sandbox import packages, uv
from sandbox.interface import InstallationFailed, Platform, SandboxCancelled
from sandbox.packages import Lock, Unmeetable, install, made_once, resolve

PLATFORM = Platform("3.11", "x86_64-unknown-linux-gnu", "a test")


def wheel(
    folder: Path,
    name: str,
    version: str,
    requires: tuple[str, ...] = (),
    tag: str = "py3-none-any",
    more: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """A small real wheel, made by the wheel specification (PEP 427)."""
    folder.mkdir(exist_ok=True)
    stem = f"{name}-{version}"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{name}_more/tests/test_it.py": "",
        **more,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {each}\n" for each in requires),
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    files[f"{stem}.dist-info/RECORD"] = "".join(
        f"{each},,\n" for each in [*files, f"{stem}.dist-info/RECORD"]
    )
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)
    return path


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all there is: as pip is told of it, not uv."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "wheels"
    configuration = tmp_path / "pip.conf"
    configuration.write_text(f"[global]\nno-index = true\n[install]\nfind-links =\n  {folder}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    folder.mkdir()
    return folder


def test_what_pip_is_configured_with_is_resolved_and_unpacked(wheels: Path, tmp_path: Path) -> None:
    wheel(wheels, "alpha", "1.0", ("beta>=2",))
    wheel(wheels, "beta", "1.0")
    wheel(wheels, "beta", "2.5")
    lock = resolve(["alpha"], PLATFORM, tmp_path / "cache")
    assert lock.pins == ("alpha==1.0", "beta==2.5")
    digest = hashlib.sha256((wheels / "beta-2.5-py3-none-any.whl").read_bytes()).hexdigest()
    assert f"--hash=sha256:{digest}" in lock.text
    folder = install(lock, PLATFORM, tmp_path / "cache")
    assert (folder / "beta.py").read_text() == "version = '2.5'\n"
    if sys.version_info[:2] == (3, 11):
        assert (folder / "__pycache__" / "beta.cpython-311.pyc").is_file()
        assert [each.name for each in (folder / "beta_more" / "tests").iterdir()] == ["test_it.py"]


def test_a_lock_seen_before_needs_neither_uv_nor_wheels(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = wheel(wheels, "alpha", "1.0")
    first = install(resolve(["alpha"], PLATFORM, tmp_path / "cache"), PLATFORM, tmp_path / "cache")
    built.unlink()
    monkeypatch.setattr(uv, "find_uv_bin", lambda: "/nonexistent/uv")
    assert install(resolve(["alpha"], PLATFORM, tmp_path / "cache"), PLATFORM, tmp_path / "cache") == first


def test_another_platform_has_a_folder_of_its_own(wheels: Path, tmp_path: Path) -> None:
    wheel(wheels, "alpha", "1.0")
    lock = resolve(["alpha"], PLATFORM, tmp_path / "cache")
    other = Platform("3.12", "aarch64-unknown-linux-gnu", "another")
    folders = {install(lock, each, tmp_path / "cache") for each in (PLATFORM, other)}
    assert len(folders) == 2
    assert all((folder / "alpha.py").is_file() for folder in folders)


@pytest.mark.parametrize("wanted", [["alpha>=2"], ["alpha", "beta==1"], ["gamma"]])
def test_what_cannot_be_met_is_explained(wheels: Path, tmp_path: Path, wanted: list[str]) -> None:
    wheel(wheels, "alpha", "1.0", ("beta==2",))
    wheel(wheels, "beta", "1.0")
    wheel(wheels, "beta", "2.0")
    with pytest.raises(Unmeetable, match="No solution found"):
        resolve(wanted, PLATFORM, tmp_path / "cache")


def test_a_package_without_a_wheel_is_not_built(wheels: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with zipfile.ZipFile(wheels / "evil-1.0.zip", "w") as archive:
        archive.writestr("evil-1.0/setup.py", f"open({str(marker)!r}, 'w')\n")
        archive.writestr("evil-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    with pytest.raises(Unmeetable):
        resolve(["evil"], PLATFORM, tmp_path / "cache")
    assert not marker.exists()


def test_a_package_that_is_published_as_source_only_is_named(wheels: Path, tmp_path: Path) -> None:
    with tarfile.open(wheels / "alpha-1.0.tar.gz", "w:gz") as archive:
        about = b"Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\n"
        member = tarfile.TarInfo("alpha-1.0/PKG-INFO")
        member.size = len(about)
        archive.addfile(member, io.BytesIO(about))
    wheel(wheels, "beta", "1.0", ("alpha",))
    with pytest.raises(Unmeetable) as caught:
        resolve(["beta"], PLATFORM, tmp_path / "cache")
    assert caught.value.source_only == ("alpha",)


def test_a_dependency_that_needs_a_display_gives_way_to_the_build_for_servers(
    wheels: Path, tmp_path: Path
) -> None:
    wheel(wheels, "opencv_python", "4.9")
    wheel(wheels, "opencv_python_headless", "4.9")
    wheel(wheels, "alpha", "1.0", ("opencv-python",))
    lock = resolve(["alpha"], PLATFORM, tmp_path / "cache")
    assert lock.pins == ("alpha==1.0", "opencv-python-headless==4.9")
    assert "`opencv-python-headless` was installed where" in lock.notes[0]


def test_an_index_that_does_not_answer_is_not_the_repositorys_fault(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:very-secret@127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(InstallationFailed) as caught:
        resolve(["alpha"], PLATFORM, tmp_path / "cache")
    assert "127.0.0.1:9" in str(caught.value)
    assert "very-secret" not in str(caught.value)


def test_a_wheel_that_changed_after_it_was_locked_is_refused(wheels: Path, tmp_path: Path) -> None:
    wheel(wheels, "alpha", "1.0")
    lock = resolve(["alpha"], PLATFORM, tmp_path / "cache")
    wheel(wheels, "alpha", "1.0", ("beta",))
    with pytest.raises(InstallationFailed, match=r"(?i)hash"):
        install(lock, PLATFORM, tmp_path / "other cache")
    assert not list((tmp_path / "other cache" / "deps").iterdir())


def test_uv_is_killed_when_somebody_asks_to_stop(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", address)
        asked = itertools.count()
        with pytest.raises(SandboxCancelled):
            resolve(["alpha"], PLATFORM, tmp_path / "cache", cancelled=lambda: next(asked) >= 2)
        lock = Lock(f"alpha==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
        with pytest.raises(SandboxCancelled):
            install(lock, PLATFORM, tmp_path / "cache", lambda: next(asked) >= 5)
    assert not list((tmp_path / "cache" / "deps").iterdir())
    # The kernel may be a moment behind.
    for _ in range(1000):
        if not [each for each in _processes() if str(tmp_path) in each]:
            return
    pytest.fail("uv, or what it started, is alive")


def _processes() -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(entry.read_text(errors="replace"))
    return found


def test_torch_comes_from_the_hosts_cpu_wheels(wheels: Path, tmp_path: Path) -> None:
    wheel(wheels, "torch", "2.9.0", ("nvidia-cublas",), tag="cp311-cp311-manylinux_2_28_x86_64")
    wheel(wheels, "torch", "2.8.0+cpu", tag="cp311-cp311-manylinux_2_28_x86_64")
    wheel(wheels, "torch", "2.7.0+cpu", tag="cp311-cp311-manylinux_2_28_x86_64")
    wheel(wheels, "torch", "2.8.1+cpu", tag="cp312-cp312-manylinux_2_28_x86_64")
    assert resolve(["torch"], PLATFORM, tmp_path / "cache").pins == ("torch==2.8.0+cpu",)
    assert resolve(["torch<2.8"], PLATFORM, tmp_path / "cache").pins == ("torch==2.7.0+cpu",)
    with pytest.raises(Unmeetable, match=r"CPU builds here: 2\.8\.0\+cpu, 2\.7\.0\+cpu"):
        resolve(["torch==2.1"], PLATFORM, tmp_path / "cache")


def test_beside_a_cpu_build_of_torch_operators_for_cuda_go(wheels: Path, tmp_path: Path) -> None:
    native = "cp311-cp311-manylinux_2_28_x86_64"
    wheel(wheels, "torch", "2.8.0+cpu", tag=native)
    vision = {
        "torchvision/_C.so": "needs libc10_cuda.so",
        "torchvision/fits.so": "needs libc10.so",
        "torchvision/_meta_registrations.py": "raise RuntimeError('operator torchvision::nms does not exist')",
    }
    wheel(wheels, "torchvision", "0.23.0", ("torch==2.8.0",), native, vision)
    wheel(
        wheels, "torchaudio", "2.8.0", ("torch==2.8.0",), native, {"torchaudio/lib/_a.so": "libc10_cuda.so"}
    )

    def installed(wanted: str) -> tuple[Path, tuple[str, ...]]:
        lock = resolve([wanted], PLATFORM, tmp_path / "cache")
        return install(lock, PLATFORM, tmp_path / "cache"), lock.notes

    folder, notes = installed("torchvision")
    assert not (folder / "torchvision/_C.so").exists()
    assert (folder / "torchvision/fits.so").exists()
    assert (folder / "torchvision/_meta_registrations.py").read_text() == ""
    assert len(notes) == 1 and notes[0].startswith("`torchvision` works without its compiled operators")
    assert not list(installed("torchaudio")[0].rglob("_a.so"))
    assert installed("torch")[1] == ()

    wheel(wheels, "torchvision", "0.23.0+cpu", ("torch==2.8.0",), native, vision)
    lock = resolve(["torchvision"], PLATFORM, tmp_path / "another day")
    assert lock.pins == ("torch==2.8.0+cpu", "torchvision==0.23.0+cpu")
    assert (install(lock, PLATFORM, tmp_path / "another day") / "torchvision/_C.so").exists()
    assert lock.notes == ()


@pytest.mark.parametrize(
    ("before", "day", "notes"),
    [
        (date(2024, 6, 1), date(2024, 6, 1), 0),
        (date(2020, 1, 1), date(2022, 10, 1), 1),
        (None, None, 0),
    ],
)
def test_the_nearest_day_that_resolves_is_taken(before: date | None, day: date | None, notes: int) -> None:
    first = date(2022, 10, 1)

    def compiled(asked: date | None) -> str:
        if asked and asked < first:
            raise Unmeetable("too early")
        return f"alpha=={asked or 'newest'}"

    lock = packages._dated(compiled, before, date(2026, 1, 1))
    taken = lock.text.removeprefix("alpha==")
    if day is None:
        assert taken == "newest"
    else:
        assert 0 <= (date.fromisoformat(taken) - day).days <= 31
    assert len(lock.notes) == notes
    assert all(str(before) in note and taken in note for note in lock.notes)


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deps" / "key"
    with pytest.raises(RuntimeError), made_once(target) as folder:
        assert folder
        (folder / "half").touch()
        raise RuntimeError
    assert not target.exists()
    assert not list(target.parent.iterdir())

    def make(number: int) -> None:
        with made_once(target) as folder:
            if folder:
                (folder / "one").write_text(str(number))
                (folder / "two").write_text(str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(8)))
    assert (target / "one").read_text() == (target / "two").read_text()
    assert list(target.parent.iterdir()) == [target]


def test_a_disk_that_cannot_be_written_is_not_the_repositorys_fault(tmp_path: Path) -> None:
    (tmp_path / "deps").write_text("a file where the folder should be")
    with pytest.raises(InstallationFailed):
        install(Lock(""), PLATFORM, tmp_path)


def test_the_hosts_settings_reach_uv_and_its_secrets_do_not(
    wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:9/one http://127.0.0.1:9/two")
    monkeypatch.setenv("PIP_FIND_LINKS", "/a /b")
    monkeypatch.setenv("PIP_CERT", "/ca.pem")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("UV_EXCLUDE_NEWER", "2001-01-01")
    settings = uv.index_settings()
    assert settings["UV_INDEX"] == "http://127.0.0.1:9/one http://127.0.0.1:9/two"
    assert settings["UV_FIND_LINKS"] == "/a,/b"
    assert settings["SSL_CERT_FILE"] == "/ca.pem"
    assert settings["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert not {"OPENAI_API_KEY", "UV_EXCLUDE_NEWER"} & settings.keys()
