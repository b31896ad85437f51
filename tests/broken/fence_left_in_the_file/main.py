from model import predict


def main():
    print(predict(1))


if __name__ == "__main__":
    main()
