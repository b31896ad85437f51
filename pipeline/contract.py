"""Which contract a repository, and whoever writes one, keeps.

1: one program, `main.py --smoke`, that the model writes whole and that writes `results.json`. 2: experiments that
can be run one by one; command line, results and resuming are the harness's (`coding/harness.py`).
Repositories and recordings that say nothing are of contract 1.
"""

from collections.abc import Collection
from typing import Literal

Contract = Literal[1, 2]
CURRENT: Contract = 2
HARNESS = "harness.py"
TESTS = "tests/"
"""Where the checks stand that are written from the paper, by somebody who has not seen the code."""
DEVELOPMENT = "requirements-dev.txt"
"""What they are run with."""


def contract_of(paths: Collection[str]) -> Contract:
    """What a repository with these files keeps."""
    return 2 if HARNESS in paths else 1
