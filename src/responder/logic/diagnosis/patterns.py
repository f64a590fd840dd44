"""Patterns of the knowledge files, compiled once.

RE2's own memory of them holds 128, is shared with everything else, and takes longer to ask than a short text takes to search.
"""

from functools import lru_cache
from typing import Any

import re2


@lru_cache(4096)
def compiled(pattern: str) -> Any:
    """The pattern, to be searched with. Raises re2.error."""
    return re2.compile(pattern)
