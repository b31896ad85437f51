import json
import sys


def main():
    mode = "smoke" if "--smoke" in sys.argv else "full"
    with open("results.json", "w") as file:
        json.dump({"mode": mode, "metrics": {"loss": 0.5}}, file)


if __name__ == "__main__":
    main()
