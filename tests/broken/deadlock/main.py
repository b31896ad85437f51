import argparse
import json
import threading

LOCK = threading.Lock()


def log(message):
    with LOCK:
        print(message)


def train(values, epochs):
    level = 0.0
    for epoch in range(epochs):
        with LOCK:
            level += 0.5 * (sum(values) / len(values) - level)
            log(f"epoch {epoch}: {level}")
    return sum((value - level) ** 2 for value in values) / len(values)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    loss = train([1.0, 2.0, 4.0], epochs=2 if args.smoke else 20)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
