"""The picture of a replay: the share of purchases that succeed, second by second, one line an act, as SVG. Pure."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from interlock.cli.replay.acts import Act, Played

_WIDTH, _HEIGHT = 860, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 56, 180
_LANE = 48
"""Height of an act's lane under the curve: what it is and came to, and below that its moments on the same time axis."""
_COLOURS = {Act.UNPROTECTED: "#c0392b", Act.CANARY: "#b9770e", Act.PROTECTED: "#1e8449"}
_NAMES = {
    Act.UNPROTECTED: "unprotected, straight to stable",
    Act.CANARY: "forced past the gates into the canary",
    Act.PROTECTED: "protected by the gates",
}
_TITLE = "Purchases that succeed, second by second"
_SMOOTH_S = 2
_TOGETHER_S = 0.5
_STYLE = (
    "text{font-family:system-ui,sans-serif;font-size:13px;fill:#24292f}.faint{fill:#57606a;font-size:12px}"
    ".moment{font-size:11.5px}"
    ".grid{stroke:#d0d7de}.card{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}"
    ".grid{stroke:#30363d}.card{fill:#0d1117}}"
)


def draw(acts: Sequence[Played]) -> str:
    """Return the SVG document."""
    end_s = max((second for act in acts for second, _, _ in act.seconds), default=1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{_TITLE}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="card" width="{_WIDTH}" height="{_HEIGHT}" rx="8"/>',
        f'<text x="{_LEFT}" y="28" style="font-size:16px;font-weight:600">{_TITLE}</text>',
        *_grid(end_s),
    ]
    for number, act in enumerate(acts):
        parts += _line(act, end_s, number)
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def share_by_second(seconds: Sequence[tuple[int, int, int]]) -> list[tuple[int, float]]:
    """Return the share of purchases that succeeded, by second, over the last two so that one purchase is no cliff."""
    shares: list[tuple[int, float]] = []
    for index, (second, _, _) in enumerate(seconds):
        window = seconds[max(0, index - _SMOOTH_S + 1) : index + 1]
        count, bad = sum(each[1] for each in window), sum(each[2] for each in window)
        shares.append((second, 1 - bad / count if count else 1.0))
    return shares


def _grid(end_s: int) -> list[str]:
    parts: list[str] = []
    for share in (0, 25, 50, 75, 100):
        y = _y(share / 100)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="faint" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share} %</text>')
    for second in range(0, end_s + 1, 5):
        x = _x(second, end_s)
        parts.append(
            f'<text class="faint" x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{second} s</text>'
        )
    return parts


def _line(act: Played, end_s: int, number: int) -> list[str]:
    colour = _COLOURS[act.act]
    points = " ".join(f"{_x(second, end_s):.1f},{_y(share):.1f}" for second, share in share_by_second(act.seconds))
    # Lines of equal height would hide each other.
    shift = 2 * (number - 1)
    look = f'fill="none" stroke="{colour}" stroke-width="2.5" stroke-linejoin="round"'
    return [f'<polyline {look} transform="translate(0 {shift})" points="{points}"/>', *_lane(act, end_s, number)]


def _lane(act: Played, end_s: int, number: int) -> list[str]:
    colour = _COLOURS[act.act]
    y = _HEIGHT - _BOTTOM + 52 + _LANE * number
    last_s = act.seconds[-1][0] if act.seconds else 0
    legend = f"{_NAMES[act.act]}: {act.lost} of {act.purchases} purchases lost"
    parts = [
        f'<text x="{_LEFT}" y="{y}" style="fill:{colour};font-weight:600">{escape(legend)}</text>',
        f'<line x1="{_LEFT}" x2="{_x(last_s, end_s):.1f}" y1="{y + 11}" y2="{y + 11}" stroke="{colour}"/>',
    ]
    for at_s, what in _captions(act):
        x = _x(at_s, end_s)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke="{colour}" '
            'stroke-dasharray="2 5" opacity="0.6"/>'
            f'<circle cx="{x:.1f}" cy="{y + 11}" r="4" fill="{colour}"/>'
            f'<text class="moment" x="{x - 4:.1f}" y="{y + 26}">{escape(what)}</text>'
        )
    return parts


def _captions(act: Played) -> list[tuple[float, str]]:
    """Return the moments of an act as they are written; those at one time together."""
    captions: list[tuple[float, str]] = []
    for moment in act.moments:
        what = moment.what.removeprefix("the ").replace(" is suspected", "?")
        if captions and moment.at_s - captions[-1][0] < _TOGETHER_S:
            captions[-1] = (captions[-1][0], f"{captions[-1][1]}; {what}")
        else:
            captions.append((moment.at_s, what))
    return captions


def _x(second: float, end_s: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(second, 0), end_s) / max(end_s, 1)


def _y(share: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share)
