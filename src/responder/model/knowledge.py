"""Shared knowledge that is not a signature or a class: catalogues of error codes and the numbers that evidence is weighed with."""

from pydantic import Field, JsonValue

from responder.model.skill import Indication, NextStep, Strength
from responder.model.value import Value

_LENIENT = Value.model_config | {"extra": "ignore", "populate_by_name": True}


class Code(Value):
    """One error code: what it means, which class it speaks for, what to do."""

    meaning: str = ""
    layer: str = ""
    mnemonic: str | None = None
    class_: str | None = Field(default=None, alias="class", serialization_alias="class")
    strength: Strength = Strength.MODERATE
    also: tuple[Indication, ...] = ()
    severity: str = "error"
    immediate: str = ""
    investigatory: str = ""
    usually_application: bool = False
    secondary: bool = False
    group: str | None = None
    note: str | None = None
    authorities: tuple[dict[str, JsonValue], ...] = ()

    model_config = _LENIENT


class CodeRange(Value):
    """What to think of codes that are not listed one by one."""

    low: int = Field(alias="from")
    high: int = Field(alias="to")
    unit: str = ""
    class_: str | None = Field(default=None, alias="class", serialization_alias="class")
    strength: Strength = Strength.MODERATE
    immediate: str = ""

    model_config = _LENIENT


class Combination(Value):
    """Codes of one device near each other mean more than each alone."""

    codes: tuple[int, ...]
    class_: str | None = Field(default=None, alias="class", serialization_alias="class")
    strength: Strength = Strength.MODERATE
    action: str = ""
    severity: str = "error"
    says: str = ""
    alone: bool = False
    scope: str | None = None
    """Wider than one device: `both_ends_of_link`, `many_nodes`; any other is for the history to tell."""
    beside: tuple[str, ...] = ()
    """Signatures or catalogues one of which must have spoken within the window as well."""
    monitor_named: bool = False

    model_config = _LENIENT


class Decode(Value):
    """What unit and fatality in a code's message mean."""

    code: int
    units: tuple[str, ...] = ()
    fatality: str = ""
    immediate: str = ""
    investigatory: str = ""
    severity: str = "error"
    strength: Strength = Strength.MODERATE
    note: str | None = None

    model_config = _LENIENT


class Verdict(Value):
    """A value with which the device itself says what it needs; it outranks the tables."""

    name: str
    do: str
    action: str = ""
    severity: str = "error"
    also: tuple[Indication, ...] = ()

    model_config = _LENIENT


class Action(NextStep):
    """A step that a catalogue asks for, under the catalogue's own name for it."""

    same: str | None = None
    """Pattern (RE2) of steps that already say it: then a report does not say it twice."""

    def plain(self) -> NextStep:
        return NextStep(do=self.do, command=self.command, risk=self.risk, reversible=self.reversible)


class Catalogue(Value):
    """The codes of one vendor's driver. `name` is what signatures call it by."""

    name: str
    codes: dict[int, Code] = Field(default_factory=dict)
    ranges: tuple[CodeRange, ...] = ()
    combinations: tuple[Combination, ...] = ()
    decodes: tuple[Decode, ...] = ()
    verdicts: dict[int, Verdict] = Field(default_factory=dict)
    actions: dict[str, Action] = Field(default_factory=dict)
    verdict_code: int | None = None
    yields: tuple[int, ...] = ()
    """Codes that are never the root while another code stands within the window."""
    monitors: tuple[str, ...] = ()
    """Programs that only watch: named in a message they are its victim."""
    window_s: float = 60.0

    def code(self, number: int) -> Code | None:
        """The listed code, else what its range says; None for one that nobody lists."""
        known = self.codes.get(number)
        if known is not None:
            return known
        for span in self.ranges:
            if span.low <= number <= span.high:
                return Code.model_validate(
                    {"meaning": span.unit, "class": span.class_, "strength": span.strength, "immediate": span.immediate}
                )
        return None


class Calibration(Value):
    """The numbers that evidence is weighed with, fitted by cross-validation over the shipped examples (`bench/calibrate.py`)."""

    strengths: dict[Strength, float] = Field(
        default_factory=lambda: {
            Strength.DECISIVE: 100.0,
            Strength.STRONG: 20.0,
            Strength.MODERATE: 5.0,
            Strength.WEAK: 2.0,
        }
    )
    """Likelihood ratio per strength."""
    prior: float = 0.5
    """Exponent of the priors: 1 believes the published frequencies, 0 ignores them."""
    symptom: float = 0.55
    """What a symptom line counts for the classes it hints at, as a share of its strength."""
    context: float = 0.3
    """Likewise a line that a person typed."""
    code: float = 0.05
    """Likewise source code quoted by a traceback."""
    wrapped: float = 0.5
    """Likewise a line of an exception that was raised from an earlier one."""
    later: float = 0.85
    """Likewise a cause that is printed after the first one."""
    before: float = 0.5
    """Likewise a line that shows health, where trouble stands after it that is not over."""
    head_start: float = 1.5
    """Nats that the earlier of two classes that could each produce the other is ahead."""
    elsewhere: float = 0.7
    """Likewise a cause on another rank than the first failing one."""
    diminish: float = 0.4
    """Each further, weaker piece of evidence for the same class counts this much less than the one before."""
    against: float = 1.0
    explains: float = 0.85
    """How much of a symptom's support an explaining cause takes away."""
    explains_cause: float = 0.5
    """Likewise of support that stems from lines that could be causes themselves."""
    overshadow: float = 1.5
    """Nats by which an effect must be better supported than its cause to keep a further 1/e of its support."""
    credit: float = 0.35
    """What an explaining cause gains for each nat of support it explains."""
    explainer: float = 1.6
    """Support (nats) from cause lines above which a class may explain others."""
    unknown: float = 1.6
    """Support (nats) that a typical class needs to draw level with `unknown`."""
    benign: float = 0.6
    """Share of the strength of lines that show that all is well."""
    words: float = 0.6
    """Weight of the words of a class (the weak fallback)."""
    words_floor: float = 0.0
    """Score of words that any text reaches by chance; only what exceeds it counts."""
    words_most: float = 1.6
    """The most (nats) that words may say."""
    calm: float = 0.3
    """Weight of how healthy a text reads; it speaks for `benign` where a line shows health, else for `unknown`."""
    calm_from: float = 0.0
    """Score of a text that reads neither healthy nor like trouble."""
    calm_most: float = 2.0
    """The most (nats) that this may say for health."""
    calm_beside: float = 2.0
    """Likewise beside a line that names a cause: what leaks or drifts breaks nothing."""
    worry_most: float = 1.0
    """The most (nats) that it may say against: how frightening a text reads is no hint at a cause."""
    idle: float = 1.0
    """What is left of a class for which nothing at all speaks."""
    quiet: float = 1.0
    """What is left of the words where lines show health and none shows trouble: words tell the topic, not that something is wrong."""
    sure_enough: float = 0.2
    """A class that leads with less is a hint: the verdict is then insufficient evidence."""
    cited: float = 1.2
    """Support (nats) from cited evidence that a diagnosis needs; words do not count."""
    slip: float = 0.01
    """Share of every answer that goes to `unknown`: knowledge that is wrong is never part of its own arithmetic."""
    temperature: float = 1.0
    """Above 1: flatter probabilities."""

    model_config = _LENIENT
