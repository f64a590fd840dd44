"""Importing a library without what it would bring along only if that is installed.

Some libraries look at import whether another one is there, to offer what nobody here uses; that look costs the start of every
command more than the library itself.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without(*names: str) -> Iterator[None]:
    """As if these modules were not installed. One that was imported already stays.

    A name that stands for None in `sys.modules` cannot be imported (Python's reference, "The import system").
    """
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            if modules.get(name, name) is None:
                del modules[name]
