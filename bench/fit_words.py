"""Fits the words of the weak fallback on the shipped knowledge and writes skills/words.json.

usage: python bench/fit_words.py            (run it again when signatures, taxonomy or examples changed)
"""

from pathlib import Path

import orjson

from responder.library.cases import read_cases
from responder.library.skills import load_skills
from responder.library.wordlore import learn

SKILLS = Path(__file__).resolve().parents[1] / "skills"


def main() -> None:
    knowledge = load_skills([SKILLS]).knowledge
    weights = learn(knowledge, read_cases([SKILLS / "examples"]))
    document = {"schema": "responder.words/v1", "weights": {name: weights[name] for name in sorted(weights)}}
    (SKILLS / "words.json").write_bytes(orjson.dumps(document))
    print(f"{len(weights)} features")


if __name__ == "__main__":
    main()
