"""`python -m bench [NAME...]`: measurements of this project, each in a module of its own; they assert nothing.

`make bench` runs all; `make bench ARGS="start webhook"` some. Figures are printed as one JSON object per line.
"""

import importlib
import sys

ALL = ("route", "store", "diagnose", "start", "webhook", "latency", "kafka")


def main() -> None:
    wanted = sys.argv[1:] or ALL
    for name in wanted:
        if name not in ALL:
            sys.exit(f"no bench is called {name}; there are {', '.join(ALL)}")
        module = importlib.import_module(f"bench.{name}")
        module.main()


if __name__ == "__main__":
    main()
