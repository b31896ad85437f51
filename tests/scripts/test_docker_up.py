import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts/docker-up"
CHANGES_THE_MACHINE = ("apt-get", "dockerd", "mmdebstrap", "setsid", "systemctl")


def test_another_machines_daemon_is_not_replaced_by_one_here(tmp_path: Path) -> None:
    for name in (*CHANGES_THE_MACHINE, "docker"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/called\nexit 1\n")
        program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DOCKER_HOST": "tcp://elsewhere:2376"}
    ended = subprocess.run([SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "nothing answers at DOCKER_HOST=tcp://elsewhere:2376" in ended.stderr
    assert set((tmp_path / "called").read_text().split()) == {"docker"}
