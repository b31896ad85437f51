"""Whether this machine is too busy for a run's time limit to say anything of the run."""

import os
from collections.abc import Sequence
from pathlib import Path

STALLED = 40.0
"""Percent of the last minute in which something that could run had to wait for a processor."""
CROWDED = 2.0
"""Processes that want to run for each processor, where the kernel does not measure how long they wait."""
PLACES = (Path("/proc/pressure/cpu"), Path("/sys/fs/cgroup/cpu.pressure"))


def busy(places: Sequence[Path] = PLACES, load: Path = Path("/proc/loadavg"), processors: int = 0) -> str:
    """How busy the machine was in the last minute, in a clause; empty: not so much, or nobody knows.

    `processors`: of this machine; 0: as many as this process may use. Source: Linux, Documentation/accounting/psi.rst.
    """
    for place in places:
        try:
            words = place.read_text().split("\n")[0].split()
            stalled = float(dict(word.split("=") for word in words[1:])["avg60"])
        except (OSError, ValueError, KeyError):
            continue
        return (
            f"processes waited for a processor in {stalled:.0f} % of the last minute"
            if stalled > STALLED
            else ""
        )
    try:
        wanted = float(load.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return ""
    there = processors or len(os.sched_getaffinity(0))
    return f"{wanted:.0f} processes wanted {there} processors" if wanted > CROWDED * there else ""
