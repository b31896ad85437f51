"""The environment image: a deterministic Dockerfile on a base, cached by content, built offline."""

import hashlib
import io

from docker import DockerClient
from docker.errors import APIError, BuildError, ImageNotFound
from docker.models.images import Image

from sandbox.interface import SandboxUnavailable

_REGISTRY_BASE = "python:3.11-slim"
_OWN_BASE = "paper2code-base:bookworm"
"""Made by scripts/docker-up where no image registry answers."""

_DOCKERFILE = r"""FROM {base}
LABEL paper2code.environment=1
RUN set -eu; \
    find / -xdev -type f -perm /6000 -exec chmod a-s {{}} +; \
    command -v python >/dev/null || ln -s "$(command -v python3)" /usr/local/bin/python; \
    rm -rf /usr/local/lib/python3*/site-packages/* /usr/lib/python3/dist-packages/*
"""


def environment_image(client: DockerClient) -> Image:
    """The image that commands run in, built if need be. Raises SandboxUnavailable.

    Without setuid programs, and without packages that a repository could import by accident.
    """
    base = _base(client)
    dockerfile = _DOCKERFILE.format(base=base.id)
    tag = f"paper2code-environment:{hashlib.sha256(dockerfile.encode()).hexdigest()[:16]}"
    try:
        return client.images.get(tag)
    except ImageNotFound:
        pass
    try:
        image, _ = client.images.build(
            fileobj=io.BytesIO(dockerfile.encode()), tag=tag, network_mode="none", rm=True, forcerm=True
        )
    except (BuildError, APIError) as error:
        raise SandboxUnavailable(f"the sandbox image could not be built on {base.tags}: {error}") from error
    return image


def _base(client: DockerClient) -> Image:
    for name in (_REGISTRY_BASE, _OWN_BASE):
        try:
            return client.images.get(name)
        except ImageNotFound:
            continue
    try:
        return client.images.pull(_REGISTRY_BASE)
    except APIError as error:
        raise SandboxUnavailable(
            f"there is no base image and {_REGISTRY_BASE} cannot be pulled ({error.explanation or error}): "
            "`sudo scripts/docker-up` makes one without an image registry."
        ) from error
