import json
from collections import Mapping, OrderedDict


def main():
    config = OrderedDict(steps=3)
    assert isinstance(config, Mapping)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": config}, file)


if __name__ == "__main__":
    main()
