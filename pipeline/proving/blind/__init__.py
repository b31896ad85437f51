"""Repositories of one paper judged by somebody who does not know who wrote them: nameless, compared, on a sheet."""
