def main():
    with open("checkpoint.bin", "wb") as file:
        for _ in range(1000):
            file.write(b"x" * (1 << 20))


if __name__ == "__main__":
    main()
