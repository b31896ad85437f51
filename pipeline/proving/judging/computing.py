"""What code does anything, and what only holds or shows what somebody wrote down."""

import ast
import re
from collections.abc import Set

from pipeline.proving.judging.stripping import Definition, constant

SHOWING = {
    "print", "open", "write", "writelines", "dump", "dumps", "format", "join", "info", "warning", "debug",
    "error", "append", "extend", "items", "keys", "values", "get", "sleep", "str", "repr", "round", "len", "range",
    "enumerate", "zip", "sorted", "dict", "list", "tuple", "float", "int", "exit", "close", "flush", "writerow",
    "writerows", "writeheader", "DictWriter", "writer", "to_csv", "to_json", "to_markdown", "to_string", "DataFrame",
    "Series", "array", "asarray", "tensor", "item", "tolist", "save", "savetxt", "write_text", "savefig", "plot",
    "bar", "figure", "subplots", "legend", "title", "xlabel", "ylabel", "set_title", "set_xlabel", "set_ylabel",
    "show", "tight_layout", "isinstance", "ljust", "rjust", "strip", "upper", "lower", "replace",
    "NotImplementedError", "echo", "time", "perf_counter", "pprint", "display", "tabulate", "log_metrics",
}  # fmt: skip
"""What only shows, keeps or formats: numbers that were written down go through it and stay what they are."""
_PREPARING = {
    "add_argument", "parse_args", "ArgumentParser", "getLogger", "basicConfig", "mkdir", "makedirs", "Path",
    "exists", "set_defaults", "add_parser", "add_subparsers", "filterwarnings", "get_ipython",
}  # fmt: skip
"""What does something, and computes nothing."""
_READING = {
    "loads",
    "literal_eval",
    "safe_load",
    "fromstring",
    "StringIO",
    "load",
    "Decimal",
    "Fraction",
    "eval",
}
"""What makes a value of a text that stands there."""
_ARITHMETIC = (ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult, ast.FloorDiv, ast.Add, ast.Mod)
_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*+\"?|'(?:\\.|[^'\\\n])*+'")
_COMPUTES = re.compile(r"[\w)\]}]'?\s{0,9}(?:[-+*/^%]|\*\*|%[*o]%|@|<<|>>)\s{0,9}[\w(\[{$]")
_CALL = re.compile(r"([A-Za-z_]\w{0,60})[!.]?\s{0,9}\(")
_HEAD = re.compile(
    r"\b(?:function|def|fn|func|void|int|double|float|module|class|struct|if|for|while|return|switch)\b"
)
_SAYING = {
    "stop", "error", "cat", "message", "println", "printf", "fprintf", "disp", "puts", "log", "Error", "panic", "todo",
    "unimplemented", "write", "console", "warning", "sprintf", "paste", "paste0", "c", "list", "library", "require",
    "function", "invisible", "throw", "print", "die",
}  # fmt: skip
_IDLE_LINE = re.compile(
    r"[\W\d_]*|(?:end|else|begin|then|do|NULL|nil|pass|return|break)\b[\W\d_]*\w{0,9}[\W\d_]*|"
    r"(?:#?include|import|using|library|require|use|package|from|open|module|program|end)\b.*|"
    r"(?:\w+ ){0,3}[\w.:$]+ ?(?:=|<-|:=|<<-) ?[\W\d_]*(?:function\b.*)?|"
    r"(?:\w+ )?(?:function|def|fn|func|int|void|double|float|proc|sub|fun|class|struct)\b[^=]*|"
    r"(?:return )?(?:\w+(?:::|\.))?(?:stop|error|throw|panic|die|print|println|printf|cat|cout|puts|echo|message)\b.*"
)
_COMMAND = re.compile(r"@?[\w./~$-]{1,200}(?:\s|$)")
_IDLE = re.compile(
    r"@?(?:echo|printf|cd|set|export|source|mkdir|rm|cp|mv|true|false|exit|return|if|then|else|elif|fi|for|while|do|"
    r"done|case|esac|shift|sleep|date|pwd|ls|cat|EOF|touch|local|read|unset|function|module)(?![\w./-])|"
    r"[.:#]|[\w-]{1,80} ?[:?+]?=|[\w.-]{1,80} ?\(\)|[\w./%$()-][\w./%$() -]{0,200}:"
)
"""Lines of a script that prepare, branch or say."""


def last(node: ast.AST) -> str:
    """The last part of what is named, called or subscripted."""
    match node:
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return last(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def written(node: ast.expr) -> bool:
    """Whether a value stands there as it is, or as a text that is only read."""
    if not isinstance(node, ast.Call):
        return constant(node)
    return last(node.func) in _READING and _all_written(node)


def _all_written(call: ast.Call) -> bool:
    return bool(call.args) and all(map(written, [*call.args, *(keyword.value for keyword in call.keywords)]))


def acts(node: ast.AST) -> bool:
    """Whether a statement does more than hold or show what was written down."""
    match node:
        case ast.Raise() | ast.Pass() | ast.Import() | ast.ImportFrom():
            return False
        case ast.Expr(value=value) | ast.Return(value=value) if value is None or written(value):
            return False
        case ast.Assign(targets=targets, value=value) if written(value):
            return not all(isinstance(target, ast.Name) for target in targets)
        case ast.AnnAssign(target=target, value=value) if value is None or written(value):
            return not isinstance(target, ast.Name)
        case ast.Expr(value=ast.Call(func=function, args=args, keywords=keywords)):
            shown = all(map(written, [*args, *(keyword.value for keyword in keywords)]))
            return not (shown and last(function) in SHOWING)
    return isinstance(node, ast.stmt) and not isinstance(node, Definition)


def computes(node: ast.AST, defined: Set[str]) -> bool:
    """Whether an expression makes a value that nobody has written down. What calls only `defined` code counts there."""
    if isinstance(node, ast.Call) and ((name := last(node.func)) in _PREPARING or name in defined):
        return False
    return works(node)


def works(node: ast.AST) -> bool:
    """Whether an expression does something with what was written down, or without it."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
            text = any(isinstance(n, ast.JoinedStr) or _is_text(n) for n in (left, right))
            return not text and not (constant(left) and constant(right))
        case ast.AugAssign(op=op, value=value):
            return (
                isinstance(op, _ARITHMETIC) and not isinstance(value, ast.JoinedStr) and not _is_text(value)
            )
        case ast.Call(func=function):
            return bool(last(function)) and last(function) not in SHOWING and not written(node)
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_none(node: ast.expr) -> bool:
    """Whether it is `None`."""
    return isinstance(node, ast.Constant) and node.value is None


def line_computes(line: str) -> bool:
    """The same of a line in another language, as far as that can be told."""
    bare = _STRING.sub("''", line)
    if _COMPUTES.search(bare):
        return True
    calls = [name for name in _CALL.findall(bare) if name not in _SAYING and not _HEAD.fullmatch(name)]
    return bool(calls) and not (_HEAD.match(bare.strip()) and not bare.strip().startswith(("return", "if")))


def line_is_idle(line: str) -> bool:
    """Whether a line in another language only opens, closes, imports, refuses, or holds a constant."""
    return bool(_IDLE_LINE.fullmatch(_STRING.sub("''", line).strip()))


def line_commands(line: str) -> bool:
    """Whether a line of a script starts something."""
    return bool(_COMMAND.match(line.strip())) and not _IDLE.match(line.strip())
