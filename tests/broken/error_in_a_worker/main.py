from multiprocessing import Pool

from work import square


def main():
    with Pool(2) as pool:
        print(pool.map(square, [1, None]))


if __name__ == "__main__":
    main()
