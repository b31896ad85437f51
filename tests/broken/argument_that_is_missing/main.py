from train import Trainer


def main():
    Trainer(model=None).fit()


if __name__ == "__main__":
    main()
