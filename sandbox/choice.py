"""Which sandbox this machine has. How each works is next door."""

from sandbox.docker import DockerSandbox, named_engine
from sandbox.interface import Sandbox, SandboxUnavailable
from sandbox.local import LocalSandbox


def choose(
    name: str | None = None, *, image: str | None = None, runtime: str | None = None, gpus: int = 0
) -> Sandbox:
    """`docker` or `local` by name; None: Docker where it can be used, else `local` (command line only).

    The rest is for Docker, see `DockerSandbox`. Whoever names any of it or an engine (`DOCKER_HOST`, a
    context of the docker command) wants Docker, and is not given less. Raises SandboxUnavailable with what to do
    about it.
    """
    if name == "docker":
        return DockerSandbox(image=image, runtime=runtime, gpus=gpus)
    if name not in (None, "local"):
        raise SandboxUnavailable(f"there is no sandbox `{name}`: it is `docker` or `local`.")
    if name is None:
        try:
            docker = DockerSandbox(image=image, runtime=runtime, gpus=gpus)
            docker.platform()
            return docker
        except SandboxUnavailable as error:
            if engine := named_engine():
                raise SandboxUnavailable(f"the Docker engine is to be {engine}, but {error}") from error
            if image or runtime or gpus:
                raise
            # Whichever it is, the report says.
    local = LocalSandbox()
    local.platform()
    return local
