def main():
    print("loss: 0.5")


if __name__ == "__main__":
    main()
