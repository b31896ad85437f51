"""Fits a line through the origin to data/train.csv, which lies in this repository."""

import argparse
import csv
import json


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    with open("../data/train.csv") as file:
        pairs = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)]
    slope = sum(x * y for x, y in pairs) / sum(x * x for x, _ in pairs)
    loss = sum((y - slope * x) ** 2 for x, y in pairs) / len(pairs)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
