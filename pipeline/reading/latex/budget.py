"""The budget of a document: how much of it may be written and read again while it is read once.

A few bytes of LaTeX can ask for gigabytes of text, by counters that print each other, long names that are used often,
hooks, labels. Whoever makes text that stands in no source spends from here before it is made.
"""

from pipeline.errors import PaperUnreadable

LEAST = 500_000
TIMES = 20
"""Characters that every document may ask for, and how many more for each of its own. Real papers ask for two."""


class Budget:
    """What is left for one document of `size` characters."""

    def __init__(self, size: int = 0) -> None:
        self.left = LEAST + TIMES * size

    def spend(self, characters: int) -> None:
        """Raises PaperUnreadable if that is more than is left."""
        self.left -= characters
        if self.left < 0:
            raise PaperUnreadable(
                "This LaTeX source asks for far more text than it holds, as by names that print each other.",
                "Give the PDF of the paper.",
            )
