"""Of other languages than Python: which files are theirs, and their text without what only says something."""

import re
from pathlib import PurePosixPath

CONFIGURATION = (".yaml", ".yml", ".toml", ".cfg", ".ini", ".conf", ".json", ".config", ".txt", ".gin")
SHELL = (".sh", ".bash", ".zsh", ".ksh", ".fish", ".slurm", ".sbatch", ".pbs", ".lsf", ".ps1", ".bat", ".cmd")
_NAMES = re.compile(
    r"(?i)(?:gnu)?makefile|dockerfile|containerfile|snakefile|justfile|rakefile|cmakelists\.txt|"
    r"(?:dev-|test-)?requirements[\w.-]{0,40}\.txt"
)
_REQUIREMENT = re.compile(
    r"-|[\w.-]{1,100} {0,9}(?:\[[\w\s,.-]{0,200}\] {0,9})?(?:[=<>!~@;,(\\]|$)|\w{1,10}[+:/]|\."
)
_CHUNK = re.compile(r"^```+\s*\{[^\n]*\n(.*?)(?:^```|\Z)", re.MULTILINE | re.DOTALL)
_SAYING = re.compile(r"@?(?:echo|printf)\b(?:[^|>&;`$]*+|(?:\s++(?:'[^']*+'|\"[^\"`$]*+\"))++)$")
"""A command that only shows its own words."""

_DOUBLE = r'"(?:\\[\s\S]|[^"\\\n])*+"?'
_SINGLE = r"(?<![\w)\]}'.])'(?:\\[\s\S]|[^'\\\n])*+'?"
_BARE = r"(?<![\w)\]}'.])'[^'\n]*+'?"
"""Without escapes. A quote behind a name or a bracket transposes a matrix, or stands in a word."""
_CHARACTER = r"'(?:\\[^\n']{0,8}+.|[^'\\\n])'"
_LINES = r"`(?:\\[\s\S]|[^`\\])*+`?"

_C = (r"//[^\n]*", r"/\*[\s\S]*?(?:\*/|\Z)")
_WORDS = (r"(?<!\S)#[^\n]*",)
"""`#` where a word begins: `${x#y}`, `a#b` are none."""
_HASH = (r"#[^\n]*",)
_ML = (r"\(\*[\s\S]*?(?:\*\)|\Z)",)
_LISP = (r"#\|[\s\S]*?(?:\|#|\Z)", r";[^\n]*")
_HEREDOC = (
    r"^[ \t]*:[ \t]*<<-?[ \t]*[\"']?(?P<end>\w{1,50})[^\n]*(?:\n[\s\S]*?^[ \t]*(?P=end)[ \t]*$|[\s\S]*\Z)"
)
_POD = r"^=[a-z]\w*[\s\S]*?(?:^=cut\b[^\n]*|\Z)"
_BEGIN = r"^=begin\b[\s\S]*?(?:^=end\b[^\n]*|\Z)"
_BRACED = r"^[ \t]*%\{[ \t]*$[\s\S]*?(?:^[ \t]*%\}[ \t]*$|\Z)"

_LANGUAGES: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (SHELL[:9], (_HEREDOC, *_WORDS), (_DOUBLE, _SINGLE)),
    ((".ps1", ".psm1"), (r"<#[\s\S]*?(?:#>|\Z)", *_WORDS), (_DOUBLE, _BARE)),
    ((".bat", ".cmd"), (r"^[ \t]*(?:::|@?(?i:rem)\b)[^\n]*",), (_DOUBLE,)),
    ((".yaml", ".yml", ".toml", ".cfg", ".ini", ".conf", ".gin", ".mk", ".txt", ".pyx", ".pxd", ".tcl", ".awk",
      ".smk", ".ex", ".exs", ".cr", ".coffee", ".sage"), _WORDS, (_DOUBLE, _SINGLE)),
    ((".cmake",), (r"#\[\[[\s\S]*?(?:\]\]|\Z)", *_WORDS), (_DOUBLE,)),
    ((".r", ".rmd", ".qmd"), _HASH, (_DOUBLE, _SINGLE, _LINES)),
    ((".nim",), (r"#\[[\s\S]*?(?:\]#|\Z)", *_HASH), (_DOUBLE, _CHARACTER)),
    ((".jl",), (r"#=[\s\S]*?(?:=#|\Z)", *_HASH), (_DOUBLE, _CHARACTER)),
    ((".rb",), (_BEGIN, *_WORDS), (_DOUBLE, _SINGLE)),
    ((".pl", ".pm"), (_POD, *_WORDS), (_DOUBLE, _SINGLE)),
    ((".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx"), (r"(?<![\\:/])//[^\n]*", _C[1]), (_DOUBLE, _SINGLE, _LINES)),
    ((".php",), (*_C, *_WORDS), (_DOUBLE, _SINGLE)),
    ((".go",), _C, (_DOUBLE, _CHARACTER, r"`[^`]*+`?")),
    ((".c", ".h", ".cpp", ".hpp", ".cc", ".cxx", ".hxx", ".cu", ".cuh", ".cl", ".java", ".scala", ".rs", ".kt",
      ".swift", ".cs", ".stan", ".proto", ".dart", ".zig", ".groovy", ".gradle", ".nf", ".metal", ".glsl"),
     _C, (_DOUBLE, _CHARACTER)),
    ((".m",), (_BRACED, r"%[^\n]*"), (_DOUBLE, _BARE)),
    ((".lua",), (r"--\[(?P<equal>=*)\[[\s\S]*?(?:\](?P=equal)\]|\Z)", r"--[^\n]*"), (_DOUBLE, _SINGLE)),
    ((".sql",), (_C[1], r"--[^\n]*"), (_DOUBLE, _BARE)),
    ((".hs", ".elm"), (r"\{-[\s\S]*?(?:-\}|\Z)", r"(?<!\S)--(?![!#$%&*+./<=>?@^|~:])[^\n]*"), (_DOUBLE, _CHARACTER)),
    ((".lean",), (r"/-[\s\S]*?(?:-/|\Z)", r"--[^\n]*"), (_DOUBLE,)),
    ((".f90", ".f95", ".f03", ".f08"), (r"![^\n]*",), (_DOUBLE, _BARE)),
    ((".f", ".for"), (r"^[cC*][^\n]*", r"![^\n]*"), (_DOUBLE, _BARE)),
    ((".ml", ".mli"), _ML, (_DOUBLE,)),
    ((".fs",), (*_ML, _C[0]), (_DOUBLE,)),
    ((".wl", ".nb"), _ML, (_DOUBLE,)),
    ((".clj", ".lisp", ".scm", ".rkt", ".el"), _LISP, (_DOUBLE,)),
    ((".erl",), (r"(?<!\S)%[^\n]*",), (_DOUBLE,)),
    ((".do", ".ado", ".sas"), (r"^[ \t]*\*[^\n]*", *_C), (_DOUBLE,)),
    ((".vb", ".bas"), (r"'[^\n]*",), (_DOUBLE,)),
    ((".json", ".config"), (), ()),
)  # fmt: skip
"""Endings, comments, and strings, in which no comment begins."""


def _pattern(comments: tuple[str, ...], strings: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join((*comments, f"(?P<kept>{'|'.join(strings)})")), re.MULTILINE)


_COMMENTS = {
    suffix: _pattern(comments, strings) if comments else None
    for suffixes, comments, strings in _LANGUAGES
    for suffix in suffixes
}


def is_known(path: str) -> bool:
    """Whether a file's name says that it is code or configuration."""
    file = PurePosixPath(path)
    return bool(_NAMES.fullmatch(file.name)) or (
        file.suffix.lower() in _COMMENTS and file.suffix.lower() != ".txt"
    )


def is_shell(path: str) -> bool:
    """Whether its lines are commands."""
    file = PurePosixPath(path)
    return file.suffix.lower() in SHELL or not file.suffix


def only_says(path: str, line: str) -> bool:
    """Whether a line of a script shows its own words and does nothing else."""
    return (is_shell(path) or path.endswith(".mk")) and bool(_SAYING.match(line.strip()))


def lines(path: str, text: str) -> list[tuple[int, str]]:
    """The lines that do something, each with its number: without comments, prose and blank lines."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in (".rmd", ".qmd"):
        text = _chunks(text)
    first, rest = ("", text) if not text.startswith("#!") else _first(text)
    comments = _COMMENTS.get(suffix, _COMMENTS[".sh"])
    shown = first + (comments.sub(_kept, rest) if comments else rest)
    wanted = _REQUIREMENT if suffix == ".txt" and not path.lower().endswith("cmakelists.txt") else None
    return [
        (number, line.rstrip())
        for number, line in enumerate(shown.split("\n"), 1)
        if line.strip() and (wanted is None or wanted.match(line.strip()))
    ]


def _first(text: str) -> tuple[str, str]:
    line, end, rest = text.partition("\n")
    return line + end, rest


def _kept(said: re.Match[str]) -> str:
    """A string as it is, of a comment its line breaks."""
    return said[0] if said["kept"] is not None else "\n" * said[0].count("\n")


def _chunks(text: str) -> str:
    """The code of R Markdown, in its lines."""
    shown, end = [], 0
    for chunk in _CHUNK.finditer(text):
        shown += ["\n" * text.count("\n", end, chunk.start(1)), chunk[1]]
        end = chunk.end(1)
    return "".join(shown)
