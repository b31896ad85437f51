"""How long the runs of each experiment took, as the harness prints it. Pure."""

import re
from collections import defaultdict

_ENDED = re.compile(
    r"^([\w.+-]{1,80}), [\w.+-]{1,80}, seed -?\d{1,20}: \w{1,20} in (\d{1,9}\.\d) s", re.MULTILINE
)


def durations(printed: str) -> str:
    """The longest first: `table1 30.2 (4 runs), toy 0.4 (1 run)`; empty where nothing of the kind was printed."""
    taken = defaultdict[str, list[float]](list)
    for experiment, seconds in _ENDED.findall(printed):
        taken[experiment].append(float(seconds))
    ranked = sorted(taken.items(), key=lambda each: -sum(each[1]))
    return ", ".join(f"{name} {sum(s):.1f} ({len(s)} run{'s' * (len(s) != 1)})" for name, s in ranked)
