import ctypes
import json


def main():
    ctypes.CDLL("libespeak.so.1")
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"loss": 0.5}}, file)


if __name__ == "__main__":
    main()
