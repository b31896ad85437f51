import json

import yaml


def main():
    with open("config.yaml") as file:
        config = yaml.safe_load(file)
    loss = 2 - config["training"]["learning_rate"] * 0.5
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"loss": loss}}, file)


if __name__ == "__main__":
    main()
