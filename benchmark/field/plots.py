"""Scores by method, and cost against score, as pictures; needs matplotlib (`pip install paper2code[plots]`)."""

from collections.abc import Sequence
from pathlib import Path

from benchmark.field.cells import Row
from benchmark.field.tables import mean, methods


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """`score-by-method.png` and, where costs are known, `cost-against-score.png`. Raises ImportError."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    judges = sorted({judge for row in rows for judge in row.scores})
    named = methods(rows)
    labels = [f"{method}\n{model}" if model else method for method, model in named]
    own = [[row for row in rows if (row.method, row.model) == each] for each in named]
    made = []

    figure, axes = pyplot.subplots(figsize=(1.6 + 1.3 * len(named), 4), layout="constrained")
    width = 0.8 / max(len(judges), 1)
    for number, judge in enumerate(judges):
        found = [mean(row.scores.get(judge) for row in each) or (0.0, None) for each in own]
        places = [place + (number - (len(judges) - 1) / 2) * width for place in range(len(named))]
        spread = [float("nan") if deviation is None else deviation for _, deviation in found]
        axes.bar(places, [value for value, _ in found], width, yerr=spread, capsize=3, label=judge)
    axes.set_xticks(range(len(named)), labels, fontsize="small")
    axes.set(ylabel="score (1 to 5)", ylim=(1, 5))
    axes.legend(fontsize="small")
    made.append(folder / "score-by-method.png")
    figure.savefig(made[-1], dpi=150)
    pyplot.close(figure)

    points = []
    for label, each in zip(labels, own, strict=True):
        cost = mean(row.usd for row in each)
        score = mean(score for row in each for score in row.scores.values())
        if cost and score:
            points.append((label.replace("\n", ", "), cost[0], score[0]))
    if points:
        figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
        for label, x, y in points:
            axes.scatter([x], [y], label=label)
        axes.set(
            xlabel="cost of writing (USD a repository)", ylabel="score (1 to 5, mean of judges)", ylim=(1, 5)
        )
        axes.set_xlim(left=0)
        axes.legend(fontsize="small", loc="lower right")
        made.append(folder / "cost-against-score.png")
        figure.savefig(made[-1], dpi=150)
        pyplot.close(figure)
    return made
