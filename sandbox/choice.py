"""Which sandbox this machine has. How each works is next door."""

from sandbox.interface import Sandbox


def choose(name: str | None = None, *, image: str | None = None) -> Sandbox:
    """`docker` or `local` by name; None: Docker where a daemon answers, else `local` (command line only).

    `image` is a Docker image of one's own. Raises SandboxUnavailable with what to do about it.
    """
    raise NotImplementedError
