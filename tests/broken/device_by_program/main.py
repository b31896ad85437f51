import argparse
import json
import random
import subprocess


def free_memory():
    return subprocess.run(["nvidia-smi", "--query-gpu=memory.free"], capture_output=True, check=True).stdout


def train(values, batch):
    level = 0.0
    for start in range(0, len(values), batch):
        chosen = values[start : start + batch]
        level += 0.5 * (sum(chosen) / len(chosen) - level)
    return sum((value - level) ** 2 for value in values) / len(values)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    rng = random.Random(0)
    values = [rng.gauss(1.0, 0.5) for _ in range(8 if args.smoke else 1000)]
    print("free memory:", free_memory())
    loss = train(values, batch=4)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
