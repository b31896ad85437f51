import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts/checkers-up"


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    for name in ("caddy", "nginx", "systemd-analyze", "apt-get"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/called\n")
        program.chmod(0o755)
    subprocess.run([SCRIPT], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True)
    assert not (tmp_path / "called").exists()
