import argparse


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--config", required=True)
    print(parser.parse_args())


if __name__ == "__main__":
    main()
