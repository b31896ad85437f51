import pytest

from pipeline.reading.quantities import Value, mentions


@pytest.mark.parametrize(
    ("quote", "value"),
    [
        ("we set lr to $10^{-4}$", 1e-4),
        ("learning rate of 1e-4", 1e-4),
        (r"$1 \times 10^{-4}$", 1e-4),
        ("a rate of 0.0001", 1e-4),
        ("$10^{-4}$", "1e-4"),
        (r"5 \cdot 10^{-5}", 5e-5),
        (r"$1.5\times10^{-4}$", 1.5e-4),
        (r"$1.5\times 10^{-4}$", 1.5e-4),
        (r"$1.5 \times10^{-4}$", 1.5e-4),
        (r"$1.5\cdot10^{-4}$", 1.5e-4),
        (r"$1.5\,\times\,10^{-4}$", 1.5e-4),
        (r"1.5 \times{10}^{-4}", 1.5e-4),
        ("300 000 steps", 300_000),
        ("1 300 000 steps", 1_300_000),
        ("$300~000$ steps", 300_000),
        ("a context of 64K tokens", 65_536),
        ("a context of 64K tokens", 64_000),
        ("3\u00d710⁻⁴", 3e-4),
        (r"$1\text{e-}3$", 1e-3),
        (r"$1\mathrm{e}{-3}$", 1e-3),
        ("$1e^{-4}$", 1e-4),
        ("ϵ = 10\u22129", 1e-9),  # a PDF loses the superscript
        ("2^{16} tokens", 65536),
        ("1{,}000 steps", 1000),
        ("1,000 steps", 1000),
        ("10\\,000 points", 10000),
        ("4k steps", 4000),
        ("300K steps", 300000),
        ("about 4.5 million sentence pairs", 4_500_000),
        ("Fifteen percent of the training set", 0.15),
        (r"95\% of the data", 0.95),
        ("95% of the data", 95),
        ("an 80/20 split", 0.8),
        ("probability 1/2", 0.5),
        (r"\frac{1}{2}", 0.5),
        ("half of the units", 0.5),
        ("three layers", 3),
        ("twenty-five epochs", 25),
        ("one hundred runs", 100),
        ("a hundred runs", 100),
        ("a single layer", 1),
        ("28x28 images", 28),
        (r"$32\times224$ images", 224),
        ("clipped to [-5, 5]", -5),
        ("clipped to [-5, 5]", 5),
        ("a weight of $-0.5$", -0.5),
        ("range 5-10", 10),
        ("64,128,256 units", 128),
        ("64, 128 and 256 units", (64, 128, 256)),
        (r"$\{16, 32\}$", 32),
        (r"$\beta_1 = 0.9$, $\beta_2 = 0.98$ and $\epsilon = 10^{-9}$", (0.9, 0.98, 1e-9)),
        (r"$d_{\text{model}} = 512$", 512),
        (r"the layers $I_{10}$ and $I_{20}^2$", 20),
        (r"0.1$\pm$0.2", 0.1),
        ("p=.5", 0.5),
        ("$P_{drop} = 0.1$.", 0.1),
        ("2-layer MLP", 2),
        ("CIFAR-10", 10),
        ("we use no dropout", 0),
        ("no bias", False),
        ("use a bias", True),
        ("without a scheduler", None),
        ("trained by SGD with momentum", "sgd"),
        ("stochastic gradient descent", "sgd"),
        ("the Adam optimizer", "adam"),
        ("cross-entropy loss", "cross_entropy"),
        ("layer normalization", "layernorm"),
        ("CIFAR-10", "cifar10"),
    ],
)
def test_a_value_is_found_however_it_is_spelt(quote: str, value: Value) -> None:
    assert mentions(quote, value)


@pytest.mark.parametrize(
    ("quote", "value"),
    [
        (r"$\beta_1 = 0.9$", 1),
        ("eight P100 GPUs", 100),
        ("$10^{-4}$", 10),
        ("$10^{-4}$", 4),
        ("$x^2$", 2),
        ("1,000 steps", 1),
        ("0.15", 0.1),
        ("100", 10),
        ("1.5", 5),
        ("1.5", 1),
        ("10", 1e-4),
        ("clipped at -5", 5),
        ("several layers", 3),
        ("a layer", 1),
        ("4k steps", 5),
        ("the value is not used", True),
        ("the value is used", False),
        ("a scheduler", None),
        ("the Adam optimizer", "sgd"),
        ("an optimizer", "adam"),
        ("0.9 and 0.98", (0.9, 0.999)),
        ("inverse by convention as 0^{-1} = 5", 4),
        ("$10^{" + "9" * 5000 + "}$", 10),
        ("9" * 300 + "^{64}", 9),
        ("$" + "9" * 300 + r" \times 10^{64}$", 9),
        ("1" * 5000, 1),
        ("3/0." + "0" * 400 + "1", 3.5),
        ("five", 10**400),
        ("1" * 400, 10**400),
        ("from 1 to 5", (10**400, 10**400 + 1)),
        ("", 3),
        ("", "adam"),
    ],
)
def test_a_value_that_is_not_stated_is_not_found(quote: str, value: Value) -> None:
    assert not mentions(quote, value)


@pytest.mark.parametrize("quote", ["over seeds 0–3", "over seeds 0-3", "seeds from 0 to 3"])
def test_a_range_states_the_whole_numbers_between_its_ends(quote: str) -> None:
    assert mentions(quote, (0, 1, 2, 3))
    assert not mentions(quote, (0, 1, 2, 3, 4))
    assert not mentions(quote, (0, 2, 3))


def test_a_number_after_one_that_cannot_be_reckoned_with_is_found() -> None:
    assert mentions("by convention 0^{-1} = 5", 5)
    assert mentions("of 10^{" + "9" * 5000 + "} choices, 12 are tried", 12)


def test_two_numbers_far_apart_are_not_counted_through() -> None:
    assert not mentions("several seeds", (1, 10**12))
