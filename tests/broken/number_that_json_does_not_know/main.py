import json

import numpy as np


def main():
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"loss": np.float32(0.5)}}, file)


if __name__ == "__main__":
    main()
