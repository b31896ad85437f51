import json
import math


def main():
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"loss": math.inf - math.inf}}, file)


if __name__ == "__main__":
    main()
