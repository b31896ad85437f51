"""What becomes of a job that is to be asked about first: read, plan, one comment, and an end until people decide."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.intake.jobs import Job, Offer, Outcome, Steps
from bot.jobs.watch import Watch
from bot.words import plans
from bot.work.tools import Toolbox, opened, options_for, read_paper
from bot.work.writer import Writer
from pipeline.planning.plan import Plan
from pipeline.reproduce import propose
from settings import Settings


@dataclass(frozen=True)
class Proposed:
    """A plan, and what people need to decide on it."""

    title: str
    """The paper's."""
    plan: Plan
    expected: str
    """What all of it may cost, in a sentence."""
    usd: float | None
    """Spent on it."""


Propose = Callable[[Job, Path, Watch], Proposed]
"""Plans a paper and writes nothing; the folder is kept for whoever goes on. Raises PipelineError."""


def proposer(toolbox: Toolbox, settings: Settings) -> Propose:
    """The real one: the pipeline with what `toolbox` opens."""

    def plan(job: Job, out: Path, watch: Watch) -> Proposed:
        with opened(toolbox, job, out, watch) as tools:
            for said in tools.concerns:
                watch.say(said)
            paper = read_paper(job, tools, watch)
            expected = tools.expected(paper)
            watch.say(expected)
            options = options_for(job, settings)
            options = replace(options, division=tools.divided(paper, options.unwanted))
            made = propose(paper, llm=tools.llm, out=out, options=options, observe=watch)
            return Proposed(paper.title, made, expected, tools.llm.usage.usd)

    return plan


@dataclass(frozen=True)
class Proposing:
    """Fulfils jobs that stop after the plan."""

    writer: Writer
    propose: Propose
    data: Path

    def fulfil(self, job: Job, step: Steps, watch: Callable[[], Watch]) -> Outcome:
        """The steps, up to the question. Raises what they raise."""
        made = step("plan", partial(self._plan, job, watch))
        return step("offer", partial(self._offer, job, made))

    def _plan(self, job: Job, watch: Callable[[], Watch]) -> Proposed:
        out = job.folder(self.data)
        out.mkdir(parents=True, exist_ok=True)
        with watch() as observe:
            return self.propose(job, out, observe)

    def _offer(self, job: Job, made: Proposed) -> Outcome:
        text = plans.offer(job, made.title, made.plan, made.expected, made.usd)
        comment = self.writer.insist(
            lambda: self.writer.github.comment(job.place, job.mark, text, since=job.created)
        )
        offer = Offer(
            comment,
            text,
            tuple(each.name for each in made.plan.logic.experiments),
            tuple(item.question for item in made.plan.overview.unclear),
            datetime.now(UTC).replace(microsecond=0),
        )
        return Outcome("waiting", usd=made.usd, offer=offer)
