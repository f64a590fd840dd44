"""A metric as a small SVG: lines over time with first, last, minimum and maximum; no script, readable by a screen reader."""

from html import escape

from responder.model.evidence import Evidence, Series

WIDTH, HEIGHT, PAD = 560, 120, 6
LINES = 6
"""Series drawn; more cannot be told apart."""


def chart(evidence: Evidence) -> str:
    """SVG markup of the evidence's series; empty where there is nothing to draw."""
    lines = [one for one in evidence.series if len(one.points) > 1][:LINES]
    if not lines:
        return ""
    times = [point.at.timestamp() for line in lines for point in line.points]
    values = [point.value for line in lines for point in line.points]
    t0, t1, low, high = min(times), max(times), min(values), max(values)
    span_t, span_v = (t1 - t0) or 1.0, (high - low) or 1.0

    def path(line: Series) -> str:
        return " ".join(
            f"{PAD + (point.at.timestamp() - t0) / span_t * (WIDTH - 2 * PAD):.1f},"
            f"{HEIGHT - PAD - (point.value - low) / span_v * (HEIGHT - 2 * PAD):.1f}"
            for point in line.points
        )

    drawn = "".join(f'<polyline class="line l{n}" points="{path(line)}"/>' for n, line in enumerate(lines))
    marker = ""
    if evidence.observed_at is not None and t0 <= evidence.observed_at.timestamp() <= t1:
        x = PAD + (evidence.observed_at.timestamp() - t0) / span_t * (WIDTH - 2 * PAD)
        marker = f'<line class="at" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{HEIGHT}"/>'
    unit = escape(evidence.unit or "")
    first, last = lines[0].points[0], lines[0].points[-1]
    label = escape(f"{evidence.statement}: from {first.value:g} to {last.value:g}")
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" preserveAspectRatio="none">'
        f"{marker}{drawn}</svg>"
        f'<div class="scale"><span>{first.at:%H:%M}</span><span>{low:g} to {high:g} {unit}</span><span>{last.at:%H:%M}</span></div>'
    )
