import sys


def main():
    sys.exit(3)


if __name__ == "__main__":
    main()
