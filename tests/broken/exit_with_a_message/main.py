import sys


def main():
    sys.exit("The data set is not in data/: download it first.")


if __name__ == "__main__":
    main()
