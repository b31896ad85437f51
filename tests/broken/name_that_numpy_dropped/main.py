import json

import numpy as np


def main():
    values = np.arange(4, dtype=np.float)
    counts = values.astype(np.float).sum()
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"count": float(counts)}}, file)


if __name__ == "__main__":
    main()
