import argparse
import json
import math
import random


def attention(scores, length):
    """Softmax over the first `length` scores; the padding behind them gets no weight."""
    masked = [score if position >= length else -math.inf for position, score in enumerate(scores)]
    highest = max(masked)
    weights = [math.exp(score - highest) for score in masked]
    return [weight / sum(weights) for weight in weights]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    rng = random.Random(0)
    values = [rng.gauss(1.0, 0.5) for _ in range(8 if args.smoke else 1000)]
    weights = attention(values, length=len(values))
    loss = sum(weight * value for weight, value in zip(weights, values))
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
