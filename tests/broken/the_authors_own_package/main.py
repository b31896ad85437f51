from grokformer import GrokFormer


def main():
    print(GrokFormer())


if __name__ == "__main__":
    main()
