import argparse
import json
import os
import random


class Model:
    def __init__(self, device):
        self.device = device
        self.level = 0.0

    def fit(self, values):
        for value in values:
            self.level += 0.1 * (value - self.level)
        return sum((value - self.level) ** 2 for value in values) / len(values)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    rng = random.Random(0)
    values = [rng.gauss(1.0, 0.5) for _ in range(8 if args.smoke else 1000)]
    device = f"cuda:{os.environ['CUDA_VISIBLE_DEVICES'].split(',')[0]}"
    loss = Model(device).fit(values)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
