"""What can go wrong on the wire, told to a stand-in beforehand: which method, what happens, how often."""

import random
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

FaultKind = Literal["status", "error", "hang", "close"]


@dataclass(slots=True)
class Fault:
    """One planned failure.

    `kind`: "status" answers `status` (429 carries `retry_after` seconds); "error" answers the API's own error `error`;
    "hang" is silent for `seconds`, then closes; "close" drops the connection. `after`: the request takes effect
    first.
    `times` None: for ever. `probability` below 1 is drawn from the stand-in's seeded generator.
    """

    method: str = "*"
    kind: FaultKind = "status"
    status: int = 500
    error: str = "internal_error"
    after: bool = False
    times: int | None = 1
    probability: float = 1.0
    retry_after: float | None = None
    seconds: float = 60.0

    @classmethod
    def read(cls, raw: dict[str, Any]) -> "Fault":
        return cls(**raw)


@dataclass(slots=True)
class Faults:
    """The queue of planned failures; the first that fits a call is used up."""

    planned: list[Fault] = field(default_factory=list)
    seed: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def plan(self, *faults: Fault) -> None:
        self.planned.extend(faults)

    def clear(self) -> None:
        self.planned.clear()

    def take(self, method: str) -> Fault | None:
        for fault in self.planned:
            if fault.method not in ("*", method) or self._random.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self.planned.remove(fault)
            return fault
        return None

    def dump(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.planned]
