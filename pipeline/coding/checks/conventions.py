"""Conventions of generated code: nothing left out, nothing that only works elsewhere, a smoke run."""

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterator

from pipeline.coding.checks.symbols import FunctionNode, dotted

_UNFINISHED = re.compile(
    r"\b(?:TODO|FIXME)\b|\b(?i:your code here|implement (?:this|me|here)|not (?:yet )?implemented|"
    r"in a real implementation|placeholder (?:for|implementation))\b"
)
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_ABSOLUTE = re.compile(
    r"(?:/(?:home|Users|tmp|root|mnt|content|workspace|kaggle|scratch|opt|usr|var|srv|data|datasets?)/[\w.-]"
    r"|~/|[A-Za-z]:[\\/]\w)"
)
_PATH_FUNCTIONS = re.compile(
    r"(?:^|\.)(?:open|Path|join|exists|isfile|isdir|makedirs|mkdir|listdir|load|loadtxt|save|savefig|savez|"
    r"read_csv|read_json|to_csv|add_argument|DataFrame|ImageFolder|FileHandler)$"
)
_PATH_NAMES = re.compile(r"(?:path|dir|directory|folder|file|filename|root)s?$", re.IGNORECASE)
NETWORK = re.compile(
    r"(?:^|\.)(?:urlretrieve|urlopen|from_pretrained|load_dataset|hf_hub_download|snapshot_download|"
    r"cached_download|load_state_dict_from_url|download_url|fetch_[a-z0-9]+\w*)$"
    r"|^(?:requests|httpx)\.(?:get|post|request|Session|Client|stream)$|^(?:nltk|wget|gdown)\.download$"
    r"|^(?:torch\.)?hub\.(?:load|download_url_to_file)$|^socket\.(?:socket|create_connection)$"
)
"""Calls that need a network, by their dotted name."""
_NETWORK_MODULES = {
    "aiohttp", "ftplib", "gdown", "http.client", "httpx", "paramiko", "requests", "smtplib", "socket",
    "telnetlib", "urllib.request", "urllib3", "wget",
}  # fmt: skip


def convention_problems(tree: ast.Module, bases: Collection[str]) -> Iterator[tuple[int, str]]:
    """Bodies left out, absolute paths, network use on import; classes named in `bases` may be abstract."""
    yield from _placeholders(tree, bases)
    yield from _absolute_paths(tree)
    for call in _calls_on_import(tree.body):
        if uses_network(call):
            yield call.lineno, f"`{dotted(call.func)}` uses the network on import: move it into a function"


def text_problems(source: str) -> Iterator[tuple[int, str]]:
    """Comments that say that something is unfinished, and characters that hide what the code does."""
    for number, line in enumerate(source.splitlines(), start=1):
        if _BIDIRECTIONAL.search(line):
            yield number, "contains a character that changes the direction of the text: remove it"
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (match := _UNFINISHED.search(token.string)):
            yield token.start[0], f"comment says that something is unfinished ({match[0]!r}): finish it"


def main_problems(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What main.py has to have: an option `--smoke` that is used, and a guard."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {arg.value for call in calls for arg in call.args if isinstance(arg, ast.Constant)}
    if "--smoke" not in names:
        yield 1, 'main.py has no option `--smoke`: `parser.add_argument("--smoke", action="store_true")`'
    elif not any("smoke" in word for node in ast.walk(tree) for word in _loaded_words(node)):
        yield 1, "the option `--smoke` is parsed and never used"
    if not any(isinstance(node, ast.If) and "__name__" in ast.dump(node.test) for node in tree.body):
        yield 1, 'main.py runs on import: call `main()` under `if __name__ == "__main__":`'


def experiment_problems(tree: ast.Module, planned: Collection[str]) -> Iterator[tuple[int, str]]:
    """What experiments.py has to have: `EXPERIMENTS` for the harness, with those of the plan."""
    names = {target.id for node in tree.body for target in _targets(node)}
    if "EXPERIMENTS" not in names:
        yield 1, "experiments.py does not define `EXPERIMENTS`, a tuple of `Experiment`, which main.py runs"
        return
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and dotted(node.func) == "Experiment"
    ]
    named = [
        *(call.args[:1] for call in calls),
        *([k.value] for call in calls for k in call.keywords if k.arg == "name"),
    ]
    values = [value for one in named for value in one]
    if all(isinstance(value, ast.Constant) for value in values):
        known = {value.value for value in values if isinstance(value, ast.Constant)}
        for name in planned:
            if name not in known:
                yield 1, f"the experiment `{name}` of the plan is not among `EXPERIMENTS`"


def _targets(node: ast.stmt) -> list[ast.Name]:
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    return [target for target in targets if isinstance(target, ast.Name)]


def _loaded_words(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        return [node.attr]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        return [node.id]
    return []


def uses_network(call: ast.Call) -> bool:
    """Whether a call certainly needs a network: by its name, `download=True`, or a command line."""
    name = dotted(call.func)
    downloads = any(
        keyword.arg == "download" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in call.keywords
    )
    local = any(keyword.arg == "local_files_only" for keyword in call.keywords)
    command = name.startswith("subprocess.") or name in ("os.system", "os.popen")
    words = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant)] if command else []
    fetches = any(re.search(r"\b(?:curl|wget|pip3? install|git clone|^pip3?$)", str(word)) for word in words)
    return downloads or fetches or (bool(NETWORK.search(name)) and not local)


def network_uses(tree: ast.Module) -> Iterator[ast.Call | ast.Import | ast.ImportFrom]:
    """Calls that need a network, and imports of modules that are there for nothing else."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and uses_network(node):
            yield node
        elif isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0):
            module = getattr(node, "module", "") or ""
            names = {f"{module}.{alias.name}".strip(".") for alias in node.names} | {module}
            if _NETWORK_MODULES & {*names, *(name.split(".")[0] for name in names)}:
                yield node


def _calls_on_import(body: list[ast.stmt]) -> Iterator[ast.Call]:
    for statement in body:
        if isinstance(statement, FunctionNode):
            continue
        if isinstance(statement, ast.If) and "__name__" in ast.dump(statement.test):
            continue
        if isinstance(statement, ast.ClassDef):
            yield from _calls_on_import(statement.body)
        else:
            yield from _calls(statement)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, FunctionNode | ast.Lambda):
            yield from _calls(child)


def is_trivial(body: list[ast.stmt]) -> bool:
    """Whether a body without its docstring is only `pass` or `...`, or only leads to NotImplementedError."""
    rest = [
        node for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    if all(isinstance(node, ast.Pass) for node in rest):
        return True
    if any(isinstance(node, ast.Return | ast.Yield) for statement in rest for node in ast.walk(statement)):
        return False
    last = rest[-1]
    raised = last.exc if isinstance(last, ast.Raise) else None
    return dotted(raised.func if isinstance(raised, ast.Call) else raised) == "NotImplementedError"


_MAY_BE_EMPTY = {"__init__", "__exit__", "__aexit__", "__del__", "close", "flush"}


def _placeholders(
    node: ast.AST, bases: Collection[str], *, abstract: bool = False
) -> Iterator[tuple[int, str]]:
    for child in ast.iter_child_nodes(node):
        inner = abstract
        if isinstance(child, ast.ClassDef):
            inner = child.name in bases or _is_abstract(child)
        elif isinstance(child, FunctionNode):
            marks = {dotted(mark).split(".")[-1] for mark in child.decorator_list}
            exempt = abstract or child.name in _MAY_BE_EMPTY or marks & {"abstractmethod", "overload"}
            if is_trivial(child.body) and not exempt:
                yield child.lineno, f"`{child.name}` has no body: write it"
            inner = False
        yield from _placeholders(child, bases, abstract=inner)


def _is_abstract(node: ast.ClassDef) -> bool:
    named = {
        dotted(base.value if isinstance(base, ast.Subscript) else base).split(".")[-1] for base in node.bases
    }
    marked = named & {"ABC", "Protocol"} or node.keywords
    return bool(marked or re.match(r"(?:Base|Abstract|Null|No)[A-Z]", node.name))


def _absolute_paths(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        values: list[ast.expr | None] = []
        match node:
            case ast.Call(func=function, args=args, keywords=keywords):
                if _PATH_FUNCTIONS.search(dotted(function) or getattr(function, "attr", "")):
                    values = [*args, *(keyword.value for keyword in keywords)]
                values += [keyword.value for keyword in keywords if _PATH_NAMES.search(keyword.arg or "")]
            case ast.Assign(targets=targets, value=value):
                if any(_PATH_NAMES.search(dotted(target)) for target in targets):
                    values = [value]
            case ast.AnnAssign(target=target, value=value) if _PATH_NAMES.search(dotted(target)):
                values = [value]
            case ast.arguments():
                values = [*node.defaults, *node.kw_defaults]
        for value in values:
            literal = value.values[0] if isinstance(value, ast.JoinedStr) and value.values else value
            if isinstance(literal, ast.Constant) and _ABSOLUTE.match(str(literal.value)):
                yield (
                    literal.lineno,
                    f"absolute path {literal.value!r}: use one relative to the repository, or an option",
                )
