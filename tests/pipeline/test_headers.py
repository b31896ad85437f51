import pytest

from pipeline.headers import moment, number, retry_after

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
NEVER = [
    "Thu, 01 Jan 1970 00:00:00 +9999999999999999",
    "Thu, 99999999999999999999 Jan 1970 00:00:00 GMT",
    "Thu, 01 Jan " + "9" * 5000 + " 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "9" * 400,
    "9" * 5000,
    "\xb2",
    "\u0663",
    "-1",
    "inf",
    "soon",
    "",
]
"""Headers that name no time, or one that nobody lives to see."""


@pytest.mark.parametrize("value", NEVER, ids=range(len(NEVER)))
def test_what_names_no_time_is_as_if_it_were_not_there(value: str) -> None:
    assert retry_after(value, NOW) is None
    assert number(value) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30),
        ("Tue, 14 Nov 2023 23:13:50 +0100", 30),
        ("Tue Nov 14 22:13:50 2023", 30),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 +" + "9" * 5000, 0),
        ("Sat, 01 Jan 0001 00:00:00 +2359", 0),
    ],
)
def test_either_form_says_how_long_to_wait(value: str, seconds: float) -> None:
    assert retry_after(value, NOW) == seconds


def test_a_date_that_no_calendar_has_is_none() -> None:
    assert [moment(value) for value in NEVER[:3]] == [None] * 3
