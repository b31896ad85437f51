import json
from pathlib import Path

import numpy as np

from store import keep


def main():
    keep(np.zeros(3), Path("checkpoints"), step=1)
    Path("results.json").write_text(json.dumps({"mode": "smoke", "metrics": {"steps": 1}}))


if __name__ == "__main__":
    main()
