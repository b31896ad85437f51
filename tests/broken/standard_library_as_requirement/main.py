import json
import time


def main():
    started = time.monotonic()
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"seconds": time.monotonic() - started}}, file)


if __name__ == "__main__":
    main()
