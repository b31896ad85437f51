from model import Model


def main():
    print(Model().predict_proba([1]))


if __name__ == "__main__":
    main()
