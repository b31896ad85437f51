import argparse
import json


def train(values, epochs):
    level = 0.0
    for _ in range(epochs):
        level += 0.5 * (sum(values) / len(values) - level)
    return sum((value - level) ** 2 for value in values) / len(values)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    loss = train([1.0, 2.0, 4.0], args.epochs)
    with open("results.json", "w") as file:
        json.dump({"mode": "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
