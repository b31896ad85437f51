import json

import six
from dateutil.parser import parse


def main():
    day = parse("2020-01-01").day
    with open("results.json", "w") as file:
        json.dump({"mode": "smoke", "metrics": {"day": day, "python_3": int(six.PY3)}}, file)


if __name__ == "__main__":
    main()
