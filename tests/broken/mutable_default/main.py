from dataclasses import dataclass


@dataclass
class Config:
    layers: list = [64, 64]


def main():
    print(Config())


if __name__ == "__main__":
    main()
