from pipeline.running.durations import durations

PRINTED = """toy, default, seed 0: done in 0.4 s: error 0.1
table1, sgd, seed 0: 3 of 20, about 5 s left, 1 s so far
table1, sgd, seed 0: done in 10.0 s: error 0.1
table1, adam+, seed -1: diverged in 20.2 s: not finite: loss
table1, late, seed 0: done before; nothing that shapes it has changed
"""


def test_seconds_are_summed_by_experiment_the_longest_first() -> None:
    assert durations(PRINTED) == "table1 30.2 (2 runs), toy 0.4 (1 run)"
    assert durations("Segmentation fault") == ""
