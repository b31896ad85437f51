import numpy as np

from model import Linear


def main():
    layer = Linear(inputs=8, outputs=4)
    print(layer(np.zeros((16, 10))))


if __name__ == "__main__":
    main()
