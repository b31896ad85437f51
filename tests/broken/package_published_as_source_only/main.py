import json

import community


def main():
    parts = community.best_partition({})
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"communities": len(parts)}}, file)


if __name__ == "__main__":
    main()
