import argparse

parser = argparse.ArgumentParser(prog="options.py")
parser.add_argument("--smoke", action="store_true")
parser.add_argument("--data", required=True, choices=["normal", "uniform"], help="the paper's is normal")
OPTIONS = parser.parse_args()
