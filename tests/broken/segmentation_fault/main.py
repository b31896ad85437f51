import ctypes


def main():
    ctypes.string_at(0)


if __name__ == "__main__":
    main()
