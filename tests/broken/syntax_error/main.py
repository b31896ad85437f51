def main():
    metrics = {"loss": (0.5 + 0.1}
    print(metrics)


if __name__ == "__main__":
    main()
