import json


def main():
    with open("config.json") as file:
        config = json.load(file)
    print(config["training"]["learning_rate"])


if __name__ == "__main__":
    main()
