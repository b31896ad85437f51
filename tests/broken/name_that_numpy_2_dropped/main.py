import json

import numpy as np


def main():
    best = np.Inf
    for loss in (0.5, 0.25):
        best = min(best, loss)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"loss": best}}, file)


if __name__ == "__main__":
    main()
