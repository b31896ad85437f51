import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sandbox import local, seccomp
from sandbox.interface import Command, SandboxError
from sandbox.local import LocalSandbox
from sandbox.report import Limits
from tests.conftest import available
from tests.sandbox.conftest import SMALL, eventually

PROJECT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def usable() -> None:
    available("local")


def test_an_ordinary_user_can_use_it_as_well_as_root() -> None:
    """With the system's Python, which every user may read; from root, as a user without any name."""
    script = (
        "from pathlib import Path; from sandbox.interface import Command; "
        "from sandbox.local import LocalSandbox; "
        "result = LocalSandbox().run(Path('work'), Command(('python3', 'program.py'))); "
        "print(result.stdout, result.stderr)"
    )
    user = {"user": 54321, "group": 54321, "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(PROJECT / "sandbox", folder / "sandbox")
        (folder / "work").mkdir()
        (folder / "work" / "program.py").write_text("import os; print(os.getuid(), os.listdir('.'))")
        done = subprocess.run(
            ["/usr/bin/python3", "-B", "-c", script],
            env={"PATH": "/usr/bin:/bin"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            **user,  # type: ignore[call-overload]
        )
    assert done.stdout == "65534 ['program.py']\n \n", done.stderr


def test_no_packages_of_the_host_can_be_imported(tmp_path: Path) -> None:
    program = "import sys, importlib.metadata as m; print([d.name for d in m.distributions()])"
    result = LocalSandbox().run(tmp_path, Command(("python3", "-c", program), SMALL))
    assert result.stdout == "[]\n"


def test_a_killed_caller_takes_everything_along(tmp_path: Path) -> None:
    token = f"{time.monotonic_ns()}-left-behind"
    script = (
        "from pathlib import Path; from sandbox.interface import Command; "
        "from sandbox.local import LocalSandbox; "
        f"LocalSandbox().run(Path({str(tmp_path)!r}), "
        f"Command(('python3', '-c', 'import time; print(1); time.sleep(60)', {token!r})))"
    )
    caller = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT)
    try:
        assert eventually(lambda: len(_processes(token)) >= 2)
    finally:
        caller.send_signal(signal.SIGKILL)
        caller.wait()
    assert eventually(lambda: not _processes(token))


def test_a_kernel_that_refuses_is_reported_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filter that lets no new namespaces be made is what containers and hardened kernels do."""
    script = (
        "import ctypes, struct\n"
        "from pathlib import Path\n"
        "from sandbox import seccomp\n"
        "code = seccomp.program()\n"
        "buffer = ctypes.create_string_buffer(code, len(code))\n"
        "header = struct.pack('HxxxxxxP', len(code) // 8, ctypes.addressof(buffer))\n"
        "prctl = ctypes.CDLL(None).prctl\n"
        "assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, header, 0, 0) == 0\n"
        "from sandbox.interface import SandboxUnavailable\n"
        "from sandbox.local import LocalSandbox\n"
        "try:\n    LocalSandbox().platform()\nexcept SandboxUnavailable as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith(
        "the local sandbox cannot be used here: new namespaces: Operation not permitted"
    )
    assert "docker-up" in done.stdout


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=16384"),
    ],
)
def test_the_advice_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, advice: str
) -> None:
    (tmp_path / setting).parent.mkdir()
    (tmp_path / setting).write_text(value + "\n")
    monkeypatch.setattr(local, "_KERNEL_SETTINGS", tmp_path)
    assert f"`sudo sysctl -w {advice}`" in local._advice()


def test_a_directory_larger_than_the_sandbox_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(bytes(2 << 20))
    with pytest.raises(SandboxError, match="holds 2,097,152 bytes"):
        LocalSandbox().run(tmp_path, Command(("true",), Limits(disk_bytes=2 << 20)))


def test_a_command_that_is_not_there_is_the_programs_affair(tmp_path: Path) -> None:
    result = LocalSandbox().run(tmp_path, Command(("nonesuch",), SMALL))
    assert (result.exit_code, result.stderr) == (127, "nonesuch: No such file or directory\n")


def test_the_filter_is_well_formed() -> None:
    """Every jump of both machines' programs stays inside, and each path ends in a verdict."""
    for machine in ("x86_64", "aarch64"):
        code = seccomp.program(machine)
        assert code
        instructions = [code[start : start + 8] for start in range(0, len(code), 8)]
        for index, instruction in enumerate(instructions):
            for jump in instruction[2:4]:
                assert index + 1 + jump < len(instructions) or instruction[0] == 0x06
    assert seccomp.program("riscv64") is None


def _processes(token: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                if token.encode() in (entry / "cmdline").read_bytes():
                    found.append(entry.name)
            except OSError:
                continue
    return found
