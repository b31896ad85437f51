import argparse


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    print(parser.parse_args())


if __name__ == "__main__":
    main()
