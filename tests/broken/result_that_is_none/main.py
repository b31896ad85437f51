import argparse
import json

from data import load


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    table = load("train")
    print("rows and columns:", table.shape)
    slope = sum(x * y for x, y in table.rows) / sum(x * x for x, _ in table.rows)
    test = load("test")
    loss = sum((y - slope * x) ** 2 for x, y in test.rows) / len(test.rows)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
