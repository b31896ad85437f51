"""How many papers may be started: what is allowed against what the ledger holds. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.intake.configuration import PATH, Quota
from bot.intake.intake import Refusal
from bot.intake.jobs import Job, Place, Record

DAY = timedelta(days=1)


def excess(
    jobs: Sequence[Job], known: Sequence[Record], own: Quota, hosts: Quota, now: datetime
) -> Refusal | None:
    """Why `jobs`, all of one place, cannot be started; None: they can.

    `known` are all jobs that are active or were asked for within a DAY; `own` is allowed to the repository,
    `hosts` to its installation. A job that joins one that is active counts as nothing, and a paper whose plan was
    approved is counted within 24 hours as that plan alone.
    """
    ids = {record.job.id for record in known}
    keys = {record.job.key for record in known if record.active}
    new = sum(job.id not in ids and job.key not in keys for job in jobs)
    if not new:
        return None
    place, continued = jobs[0].place, all(job.approved for job in jobs)
    mine = [record for record in known if record.job.place.repository_id == place.repository_id]
    theirs = [record for record in known if _together(record.job.place, place)]
    return _over(new, mine, own, f"this repository (`quota` in `{PATH}`)", now, continued) or _over(
        new, theirs, hosts, "one installation (set by whoever hosts me)", now, continued
    )


def _over(
    new: int, known: list[Record], allowed: Quota, whose: str, now: datetime, continued: bool
) -> Refusal | None:
    active = sum(record.active for record in known)
    if active + new > allowed.concurrent:
        return Refusal(
            f"{_papers(allowed.concurrent)} at a time is the limit of {whose}, and {active} "
            f"{'is' if active == 1 else 'are'} under way. Please ask again when one has ended."
        )
    days = sorted(
        record.job.created for record in known if now - record.job.created < DAY and not record.job.approved
    )
    over = len(days) + new - allowed.per_day
    if over > 0 and not continued:
        when = (
            f" Please ask again after {days[over - 1] + DAY:%Y-%m-%d %H:%M} UTC." if over <= len(days) else ""
        )
        return Refusal(
            f"{_papers(allowed.per_day)} within 24 hours is the limit of {whose}, and {len(days)} "
            f"{'was' if len(days) == 1 else 'were'} asked for.{when}"
        )
    return None


def _together(one: Place, other: Place) -> bool:
    return one.installation is not None and one.installation == other.installation


def _papers(number: int) -> str:
    return "1 paper" if number == 1 else f"{number} papers"
