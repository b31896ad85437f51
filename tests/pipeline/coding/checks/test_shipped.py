import pytest

from pipeline.coding.checks.shipped import shipped
from pipeline.coding.repository import Repository


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from sklearn.datasets import load_digits\nx = load_digits()\n", ["sklearn.datasets.load_digits"]),
        ("from sklearn import datasets\nx = datasets.load_iris().data\n", ["sklearn.datasets.load_iris"]),
        ("import networkx as nx\ng = nx.karate_club_graph()\n", ["networkx.karate_club_graph"]),
        ("from sklearn.datasets import make_blobs\nx = make_blobs()\n", []),
        ("from loader import load_digits\nx = load_digits()\n", []),
    ],
)
def test_real_data_of_packages_are_known_where_they_were_read(source: str, found: list[str]) -> None:
    repository = Repository({"data.py": source})
    assert shipped(repository, {"data.py": {1, 2}}) == found
    assert shipped(repository, {"data.py": {1}}) == []
