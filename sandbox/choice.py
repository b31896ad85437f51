"""Which sandbox this machine has. How each works is next door."""

from sandbox.docker import DockerSandbox, named_engine
from sandbox.interface import Sandbox, SandboxUnavailable
from sandbox.local import LocalSandbox


def choose(name: str | None = None, *, image: str | None = None) -> Sandbox:
    """`docker` or `local` by name; None: Docker where it can be used, else `local` (command line only).

    `image` is a Docker image of one's own. Whoever names that or an engine (`DOCKER_HOST`) wants Docker, and
    is not given less. Raises SandboxUnavailable with what to do about it.
    """
    if name == "docker":
        return DockerSandbox(image=image)
    if name not in (None, "local"):
        raise SandboxUnavailable(f"there is no sandbox `{name}`: it is `docker` or `local`.")
    if name is None:
        try:
            docker = DockerSandbox(image=image)
            docker.platform()
            return docker
        except SandboxUnavailable as error:
            if engine := named_engine():
                raise SandboxUnavailable(f"DOCKER_HOST is {engine}, but {error}") from error
            if image:
                raise
            # Whichever it is, the report says.
    local = LocalSandbox()
    local.platform()
    return local
