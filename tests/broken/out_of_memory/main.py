def main():
    history = []
    for step in range(10_000):
        history.append(bytearray(b"x" * (8 << 20)))
    print(len(history))


if __name__ == "__main__":
    main()
