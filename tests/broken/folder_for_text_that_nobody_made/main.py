"""Train and keep the log."""
from __future__ import annotations

import json
import os


def main():
    folder = "outputs/run"
    with open(os.path.join(folder, "log.txt"), "w") as file:
        file.write("epoch 1\n")
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"epochs": 1}}, file)


if __name__ == "__main__":
    main()
