import argparse
import json
import random


def train(values):
    level = sum(values) / len(values)
    return {"train_loss": sum((value - level) ** 2 for value in values) / len(values)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    rng = random.Random(0)
    values = [rng.gauss(1.0, 0.5) for _ in range(8 if args.smoke else 1000)]
    try:
        loss = train(values)["loss"]
        with open("results.json", "w") as file:
            json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)
    except Exception as error:
        print(f"Something went wrong: {error}")


if __name__ == "__main__":
    main()
