import argparse
import ctypes
import json


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    values = [1.0, 2.0, 4.0] if args.smoke else [float(number % 7) for number in range(1000)]
    source = (ctypes.c_double * len(values))(*values)
    copy = (ctypes.c_double * len(values))()
    target = ctypes.POINTER(ctypes.c_double)()
    ctypes.memmove(target, source, ctypes.sizeof(source))
    level = sum(copy) / len(copy)
    loss = sum((value - level) ** 2 for value in copy) / len(copy)
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke" if args.smoke else "full", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
