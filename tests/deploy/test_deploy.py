"""What lies in deploy/ is understood by the programs that it is for, and hands nobody more than needed.

scripts/checkers-up installs those programs; PAPER2CODE_TEST_PROXIES=required turns a missing one into a failure.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from app import create_app
from settings import Settings, told
from tests.deploy.units import typed

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def checked(program: str, *arguments: str | Path, home: Path) -> None:
    """Fails with what `program` says, if it refuses what it is given or warns of it."""
    if not (found := shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")):
        if os.environ.get("PAPER2CODE_TEST_PROXIES") == "required":
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    done = subprocess.run([found, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"unknown|deprecated|ignoring|\[warn\]", done.stderr.lower()), done.stderr


def services() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    found: dict[str, Any] = document["services"]
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    (tmp_path / unit.name).write_text(
        unit.read_text().replace("/opt/paper2code/bin/paper2code", sys.executable)
    )
    checked("systemd-analyze", "verify", tmp_path / unit.name, home=tmp_path)


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    file = DEPLOY / "proxy/Caddyfile"
    checked("caddy", "validate", "--adapter", "caddyfile", "--config", file, home=tmp_path)


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=paper2code.example"]
    subprocess.run(
        [*made, "-keyout", "privkey.pem", "-out", "fullchain.pem"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    site = (DEPLOY / "proxy/nginx.conf").read_text()
    site = site.replace("/etc/letsencrypt/live/paper2code.example", str(tmp_path))
    # A test of the file also binds, which takes root for these ports.
    site = re.sub(r"listen (\d+)", rf"listen unix:{tmp_path}/\1", site)
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}}\nhttp {{ access_log off; {site} }}\n"
    (tmp_path / "nginx.conf").write_text(whole)
    checked("nginx", "-t", "-q", "-c", tmp_path / "nginx.conf", "-p", tmp_path, "-e", "stderr", home=tmp_path)


def test_nginx_of_any_age_takes_its_file() -> None:
    # Deprecated on the listen line from 1.25.1 on, unknown as a directive before: one nginx shows half of it.
    said = re.sub(r"#.*", "", (DEPLOY / "proxy/nginx.conf").read_text())
    assert "http2" not in said


def test_the_hosts_docker_is_handed_to_no_container() -> None:
    assert "docker.sock" not in (DEPLOY / "compose.yaml").read_text()
    assert [name for name, service in services().items() if service.get("privileged")] == ["engine"]


def test_each_container_reaches_no_more_than_it_needs() -> None:
    on = {name: set(service["networks"]) for name, service in services().items()}
    assert [name for name, networks in on.items() if "sandboxes" in networks] == ["worker", "engine"]
    assert on["database"] == {"storage"} and on["engine"] == {"sandboxes"}
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}
    mounted = {name: service.get("volumes", []) for name, service in services().items()}
    # `data` has github-app.json, which /setup writes in one of the two and the other reads.
    assert mounted == {
        "web": ["data:/var/lib/paper2code"],
        "worker": ["data:/var/lib/paper2code", "certificates:/certs/client:ro"],
        "database": ["jobs:/var/lib/postgresql/data"],
        "engine": ["engine:/var/lib/docker", "certificates:/certs/client"],
    }
    read = {name: service["env_file"] for name, service in services().items() if "env_file" in service}
    assert read == {"web": ["paper2code.env"], "worker": ["paper2code.env", "worker.env"]}
    for name in ("web", "worker"):
        assert services()[name]["read_only"] and services()[name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", sorted(services()))
def test_no_container_takes_all_of_the_machine(name: str) -> None:
    service = services()[name]
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])
    for limit, variable in (("mem_limit", "MEMORY"), ("pids_limit", "PIDS")):
        assert re.fullmatch(rf"\$\{{{name.upper()}_{variable}:-\d+g?\}}", service[limit]), service[limit]


def test_the_engine_has_room_for_as_much_as_all_jobs_may_ask_for() -> None:
    (gigabytes,) = re.findall(r":-(\d+)g", services()["engine"]["mem_limit"])
    most = Settings.model_construct()
    assert int(gigabytes) * 1024 > most.jobs * most.max_memory


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_no_unit_takes_all_of_the_machine(unit: Path) -> None:
    assert re.search(r"^MemoryMax=\d+G\nTasksMax=\d+$", unit.read_text(), re.MULTILINE)


@pytest.mark.parametrize("key", ["API_KEY", "PRIVATE_KEY"])
def test_the_keys_are_the_workers_alone(key: str) -> None:
    assert key in (DEPLOY / "worker.env.example").read_text()
    assert key not in (DEPLOY / "paper2code.env.example").read_text()
    assert "worker.env" not in (DEPLOY / "systemd/paper2code-web.service").read_text()


def test_the_web_process_serves_without_the_private_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPER2CODE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GITHUB_APP_ID", "1")
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", "secret")
    monkeypatch.delenv("GITHUB_APP_PRIVATE_KEY", raising=False)
    client = create_app().test_client()
    assert client.get("/readyz").status_code == 200
    assert client.post("/webhook", data=b"{}").status_code == 401


@pytest.mark.parametrize("name", ["paper2code.env.example", "worker.env.example"])
def test_the_examples_name_settings_that_there_are(name: str) -> None:
    known = {one.variable for one in told(Settings.model_construct())}
    named = re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (DEPLOY / name).read_text(), re.MULTILINE)
    assert named and set(named) <= known


def test_what_is_typed_on_a_bare_machine_stands_on_the_page() -> None:
    assert typed("2. User, folders, program").startswith("useradd")
    assert typed("4. Start").startswith("systemctl enable --now")


def test_the_image_is_made_of_what_the_wheel_holds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    places = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["places"]
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(places) <= kept


@pytest.mark.parametrize("file", ["Dockerfile", "systemd/paper2code-web.service"])
def test_one_process_knows_the_password_that_setup_asks_for(file: str) -> None:
    # Each process makes its own, and whichever answers would ask for another one than the log shows.
    assert re.search(r'--processes"?,? "?1\b', (DEPLOY / file).read_text())
