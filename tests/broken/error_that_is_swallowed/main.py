import json


def main():
    try:
        loss = {}["loss"]
        with open("results.json", "w") as file:
            json.dump({"mode": "smoke", "metrics": {"loss": loss}}, file)
    except Exception as error:
        print(f"Something went wrong: {error}")


if __name__ == "__main__":
    main()
