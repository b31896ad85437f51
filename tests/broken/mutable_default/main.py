import argparse
import json
import random
from dataclasses import dataclass


@dataclass
class Config:
    layers: list = [64, 64]


def forward(x, layers, rng):
    """Through random layers of these widths, to a mean."""
    for width in layers:
        x = [max(0.0, sum(rng.gauss(0, 0.1) * value for value in x)) for _ in range(width)]
    return sum(x) / len(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    rng = random.Random(0)
    config = Config()
    inputs = [[rng.random() for _ in range(4)] for _ in range(2 if args.smoke else 100)]
    loss = sum((forward(x, config.layers, rng) - 1.0) ** 2 for x in inputs) / len(inputs)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
