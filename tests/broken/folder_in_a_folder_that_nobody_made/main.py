import json
import os
from pathlib import Path


def main():
    os.mkdir("outputs/figures")
    (Path("outputs") / "tables" / "loss.tex").write_text("0.5")
    Path("results.json").write_text(json.dumps({"mode": "smoke", "metrics": {"loss": 0.5}}))


if __name__ == "__main__":
    main()
