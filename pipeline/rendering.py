"""Files of text with values in them: prompts, and documents for people."""

import jinja2

from pipeline import markdown


def templates(package: str, folder: str = "templates") -> jinja2.Environment:
    """The templates in a folder of `package`; a value that is missing is an error, never an empty place."""
    environment = jinja2.Environment(  # noqa: S701 - Markdown and shell, not HTML
        loader=jinja2.PackageLoader(package, folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (
        markdown.prose,
        markdown.code,
        markdown.line,
        markdown.link,
        markdown.sentence,
        markdown.because,
    )
    environment.filters |= {each.__name__: each for each in filters}
    return environment
