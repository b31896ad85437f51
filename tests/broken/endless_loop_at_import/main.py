import argparse
import json

from queue_of_jobs import Queue

JOBS = [1.0, 2.0, 4.0]
QUEUE = Queue(JOBS)
TOTAL = 0.0
while not QUEUE.done():
    TOTAL += QUEUE.first() ** 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    loss = TOTAL / len(JOBS)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
