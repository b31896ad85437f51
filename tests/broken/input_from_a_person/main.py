import argparse
import json

DATA = {"tiny": [1.0, 2.0, 4.0], "whole": [float(number % 7) for number in range(1000)]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    values = DATA[input("Which data set? ")]
    level = sum(values) / len(values)
    loss = sum((value - level) ** 2 for value in values) / len(values)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
