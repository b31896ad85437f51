"""What in a text could have been meant as a cap on what is spent, and would be none. Pure.

A wrong refusal costs a comment, silence costs money: what speaks of money near a number counts, unless the number is
plainly one of something else.
"""

import html
import re
import unicodedata

_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn")
_COINS = "💲💵💰💶💷💴💸🪙"
_TAG = re.compile(r"</?[a-z][^<>]{0,200}>", re.IGNORECASE)
_MARKS = re.compile(r"[*`~\\'\"‘’“”]|(?<![^\W_])_+|_+(?![^\W_])")

_BEGIN, _END = r"(?<![^\W_])", r"(?![^\W_])"
_GAP = r"[\W_]{0,6}"
_COUNT = (
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|(?:hundred|thousand|million|dozen)s?|half|couple|few|several"
    r"|eine?n?|zwei|drei|vier|f[uü]nf|zehn|deux|trois|cinq|dix|dos|tres|cinco|diez)"
)
_NUMBER = rf"(?:\d|(?:a )?{_COUNT}{_END})"
_MANY = r"(?:k|m|mn|bn|hundred|thousand|million|billion)"
_LINK = (
    r"(?:is|are|be|of|to|at|most|only|no|not|more|over|than|up|under|below|less|about|around|max|maximum|limit|amount"
    r"|cap|budget|total|for|it|me|us|this|that|run|job|should|must|may|the|a|in|on|with|usd|dollars?|exactly|upper)"
)
_LINKS = rf"(?:[\W_]{{1,6}}{_LINK}{_END}){{0,5}}"
_COMMON = r"(?:zł|usd|eur|gbp|chf|jpy|cny|rmb|aud|btc|dol+ars?|d[oó]lar(?:es)?|euros?|bucks?)(?![a-z])"
_ISO_4217 = (
    r"(?-i:Rs|AED|AFN|ALL|AMD|ANG|AOA|ARS|AWG|AZN|BAM|BBD|BDT|BGN|BHD|BIF|BMD|BND|BOB|BRL|BSD|BTN|BWP|BYN|BZD|CAD|CDF"
    r"|CLP|COP|CRC|CUP|CVE|CZK|DJF|DKK|DOP|DZD|EGP|ERN|ETB|FJD|FKP|GEL|GHS|GIP|GMD|GNF|GTQ|GYD|HKD|HNL|HTG|HUF|IDR|ILS"
    r"|INR|IQD|IRR|ISK|JMD|JOD|KES|KGS|KHR|KMF|KPW|KRW|KWD|KYD|KZT|LAK|LBP|LKR|LRD|LSL|LYD|MAD|MDL|MGA|MKD|MMK|MNT|MOP"
    r"|MRU|MUR|MVR|MWK|MXN|MYR|MZN|NAD|NGN|NIO|NOK|NPR|NZD|OMR|PAB|PEN|PGK|PHP|PKR|PLN|PYG|QAR|RON|RSD|RUB|RWF|SAR|SBD"
    r"|SCR|SDG|SEK|SGD|SHP|SLE|SOS|SRD|SSP|STN|SVC|SYP|SZL|THB|TJS|TMT|TND|TOP|TRY|TTD|TWD|TZS|UAH|UGX|UYU|UZS|VED|VES"
    r"|VND|VUV|WST|XAF|XCD|XOF|XPF|YER|ZAR|ZMW|ZWG)"
)
_COINED = (
    r"(?:cents?|pounds?(?! of)|pence|pennies|dimes?|nickels?|francs?|rupees?|yen|yuan|quid|r[uo]+bles?|pesos?|zlotys?"
    r"|kron(?:a|e|er|or)|renminbi|bitcoins?|fivers?|tenners?)(?![a-z])|美元|美金|欧元|元|円|달러|원|доллар|евро|руб"
)
_ALSO = (
    r"(?:max|maximum|please|at|most|only|or|and|but|for|in|on|per|as|to|if|total|tops|budget|cap|limit|thanks?|less|is"
    r"|no)"
)
_ALONE = rf"{_END}(?![\s-]{{1,3}}(?!{_ALSO}{_END})[a-z\d])"
"""Not before a noun, of which it would be a part: `2 SAR images`."""
_CURRENCY = rf"(?:\$|(?<![a-z]){_COMMON}|{_COINED}|(?:{_ISO_4217}|won|grand|kr|ct|zł|rand|lira){_ALONE})"
_AMOUNT = (
    rf"(?:\${_GAP}{_NUMBER}"
    rf"|(?:\d|{_BEGIN}{_COUNT}{_END})\s?(?:{_MANY}{_END})?{_GAP}(?:of |us|u\.s\.)?{_GAP}{_CURRENCY})"
)
_KIND = (
    r"(?:(?:training|gpu|cpu|tpu|function|attention|hidden|model|gradient|optimi[sz]er|update|trainable|encoder|decoder"
    r"|random|different|forward|inference|sampling|denoising|labell?ed|test|validation|search|long)[\s-])"
)
_THING = (
    r"(?:%|percent|epochs?|steps?|iter(?:ation)?s?|hours?|hrs?|h|minutes?|mins?|seconds?|s|days?|weeks?|[gct]pus?|samples?"
    r"|examples?|instances?|layers?|heads?|param(?:eter)?s?|tokens?|evaluations?|queries|trials?|runs?|seeds?|experiments?"
    r"|images?|[kmgt]i?b|t?flops?|points?|tables?|figures?|pages?|blocks?|dim(?:ension)?s?|nodes?|edges?|classes|tasks?"
    r"|datasets?|models?|rounds?|episodes?|frames?|labels?|batch(?:es)?|x|times|pixels?|words?|characters?|bits?|levels?"
    r"|folds?|neurons?|agents?|clients?|items?|actions?|states?|updates?|hops?|files?|lines?|threads?|cores?|workers?)"
)
_OTHER = (
    r"(?:[\d.,]{0,15}(?<![.,])(?:e\d{1,3})?"
    rf"(?:-[a-z]{{3}}|\s?(?:{_MANY}{_END}\s?)?{_KIND}{{0,2}}{_THING}{_END}))"
)
"""What follows a number, or its first digit, that is one of something else."""
_MATHEMATICS = re.compile(
    r"\$[(\[{|]{0,3}(?:[a-z\\]|\d[\d.,]{0,12}\s?[\\^_={}+*/<>])[^$\n]{0,200}(?<=\S)\$(?!\d)"
    rf"|\$\d{{1,12}}\$(?=[\s-]{_THING}{_END})",
    re.IGNORECASE,
)
_SPENT = (
    r"(?:budget|costs?|costing|price[ds]?|spen[dt]|spending|pay|pays|paid|paying|fees?|expenses?|cap|caps|capped|money|bill"
    r"|cheap(?:er|est)?|charge[ds]?|afford|presupuesto|бюджет|预算)"
)
_BOUND = (
    r"(?:max(?:im(?:um|al))?|limit(?:ed|s)?|at most|not? (?:more|over) than|not (?:over|exceed(?:ing)?)|under|below"
    r"|less than|up to)"
)
_CAP = re.compile(
    rf"(?:max(?:imum)?[\W_]{{0,3}}usd|usd[\W_]{{0,3}}max){_LINKS}[^a-z\d]{{0,6}}{_NUMBER}", re.IGNORECASE
)
"""As a person may write it: in backticks, with an arrow, in words."""
_LISTED = r"(?:max(?:imum)?[\W_]{0,3}(?:costs?|price|spend(?:ing)?|budget|dollars?)|budget|usd)"
_BUDGET = re.compile(
    rf"(?:(?:^|[\d,;])[\s*]{{0,4}}(?:[-+] )?|(?<!\S)-{{1,2}})({_LISTED}[\W_]{{1,4}}(?:(?:is|of|to|at|most)\s){{0,2}}"
    rf"(?:\$|{_COMMON})?\s?\d[\d.,]{{0,12}}\s?(?:\$|{_COMMON})?)[\W_]{{0,5}}$",
    re.IGNORECASE,
)
"""All that a line says, or its end: prose about a paper speaks of money in the midst of sentences."""
_BOUNDED = re.compile(
    rf"{_BEGIN}(?:budget|spend|spending|caps?|capped|{_BOUND}){_END}{_LINKS}{_GAP}{_AMOUNT}",
    re.IGNORECASE,
)
_MONEY = re.compile(
    rf"{_AMOUNT}"
    rf"|{_BEGIN}{_COMMON}{_LINKS}{_GAP}{_NUMBER}"
    rf"|{_BEGIN}{_ISO_4217}[\W_]{{0,2}}\d[\d.,]{{0,12}}{_ALONE}"
    rf"|{_BEGIN}an? (?:dollar|euro|buck|quid|fiver|tenner|cent|grand(?! \w)){_END}"
    rf"|{_BEGIN}{_SPENT}{_END}{_LINKS}{_GAP}{_NUMBER}(?!{_OTHER})",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    rf"{_BEGIN}{_BOUND}{_END}{_LINKS}{_GAP}{_NUMBER}(?!{_OTHER})"
    rf"|(?<!\S){_NUMBER}[\d.,]{{0,12}}[\W_]{{1,3}}(?:max(?:imum)?|cap|budget|limit|tops)\W{{0,5}}$",
    re.IGNORECASE,
)
_REST = re.compile(r"(?:[\d.,]{0,15}\d)?")
"""Of a number whose first digit was found."""
_SHORT = 6
"""Words of a line that is no prose, in which a bound has to name what it bounds."""


def unset_cap(wish: str) -> str:
    """What of a wish could have been meant as a cap; empty: nothing."""
    wish = _bare(wish)
    return _first(wish, _CAP, _MONEY, _LIMIT)


def unset_cap_below(line: str) -> str:
    """The same of a line below a command, which can be a sentence."""
    line = _bare(line)
    return _first(line, _CAP, _MONEY, *([_LIMIT] if len(line.split()) <= _SHORT else ()))


def unset_cap_of_task(line: str) -> str:
    """The same of a line that says what is to be done: at length it may speak of money, but for a bound on it."""
    line = _bare(line)
    return _first(line, _CAP, _BOUNDED, *([_MONEY, _LIMIT] if len(line.split()) <= _SHORT - 2 else ()))


def surely_a_cap(line: str) -> str:
    """What in `line`, of whatever it speaks, can hardly be anything but a cap; empty: nothing."""
    line = _bare(line)
    return _first(line, _CAP, _BUDGET)


def _first(text: str, *patterns: re.Pattern[str]) -> str:
    found = next(filter(None, (pattern.search(text) for pattern in patterns)), None)
    if found is None:
        return ""
    return (found[1] if found.lastindex else found[0] + _REST.match(text, found.end())[0]).strip()  # type: ignore[index]


def _bare(text: str) -> str:
    """`text` as it is read aloud: without marks, tags and formulas, and each sign of money as `$`."""
    text = html.unescape(text)
    if not text.isascii():
        text = "".join(map(_read, text))
    return _MARKS.sub("", _TAG.sub("", _MATHEMATICS.sub(" ", text)))


def _read(character: str) -> str:
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Sc" or character in _COINS:
        return "$"
    if category in _UNSEEN:
        return ""
    number = unicodedata.numeric(character, None)
    return unicodedata.normalize("NFKC", character) if number is None else f"{number:g}"
