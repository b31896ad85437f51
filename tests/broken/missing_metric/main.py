import argparse
import json
import math
import random


def predict(x):
    """The probability that the label is 1."""
    return 1 / (1 + math.exp(-x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    rng = random.Random(0)
    inputs = [rng.gauss(0.0, 2.0) for _ in range(8 if args.smoke else 1000)]
    labels = [int(x + rng.gauss(0.0, 1.0) > 0) for x in inputs]
    predictions = [predict(x) for x in inputs]
    loss = -sum(math.log(p if label else 1 - p) for p, label in zip(predictions, labels)) / len(labels)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
