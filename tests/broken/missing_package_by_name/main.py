import importlib
import json


def main():
    renderer = importlib.import_module("tabulate")
    print(renderer.tabulate([["loss", 0.5]]))
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"loss": 0.5}}, file)


if __name__ == "__main__":
    main()
