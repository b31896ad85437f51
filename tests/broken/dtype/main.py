import numpy as np


def main():
    weights = np.ones(4, dtype=np.int64)
    weights -= 0.1 * np.ones(4)
    print(weights)


if __name__ == "__main__":
    main()
