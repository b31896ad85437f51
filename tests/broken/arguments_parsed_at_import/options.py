import argparse

parser = argparse.ArgumentParser(prog="options.py")
parser.add_argument("--data", required=True)
OPTIONS = parser.parse_args()
