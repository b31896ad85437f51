from model import loss


def main():
    print(loss([1.0]))


if __name__ == "__main__":
    main()
