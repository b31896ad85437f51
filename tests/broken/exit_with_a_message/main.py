import argparse
import json
import os
import random
import sys


def load():
    if not os.path.exists("data/train.txt"):
        sys.exit("The data set is not in data/: download it first.")
    with open("data/train.txt") as file:
        return [float(line) for line in file]


def synthetic(count):
    """Numbers like those of the data set, for the smoke run."""
    rng = random.Random(0)
    return [rng.gauss(1.0, 0.5) for _ in range(count)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    values = load()
    level = sum(values) / len(values)
    loss = sum((value - level) ** 2 for value in values) / len(values)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
