"""Draw the equity curve of a backtest as a PNG."""

from __future__ import annotations

import importlib.util
import logging
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from tradai_tasks.backtest.figures.equity_curve import Curve
from tradai_tasks.backtest.report.figure_text import compared, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _MUTED, _GRID = "#1f2933", "#66727f", "#e3e8ed"
_EQUITY, _DRAWDOWN, _LIMIT = "#1f6feb", "#c9372c", "#8a5a00"
_DAY = 86_400  # seconds
_DASHES = (0, (4, 3))
_MANYFOLD = 8.0
_NEAR = 2.5  # the limit is drawn if it is within this multiple of the deepest drawdown


def has_matplotlib() -> bool:
    """Return whether pictures can be drawn."""
    return importlib.util.find_spec("matplotlib") is not None


def load() -> None:
    """Import matplotlib if it is installed, so that drawing need not wait for it."""
    if has_matplotlib():
        # nox shows every level, and matplotlib logs every font that it looks at
        logging.getLogger("matplotlib").setLevel(logging.WARNING)
        from matplotlib import dates, figure  # noqa: F401, PLC0415 - slow to load
        from matplotlib.backends import backend_agg  # noqa: F401, PLC0415 - as above


def draw(file: Path, curve: Curve, *, title: str, currency: str, limit: float | None) -> None:
    """Draw equity above drawdown and write a PNG; equal input gives equal bytes.

    `limit` is the largest drawdown that passes, as a fraction; None if there is no gate.
    """
    load()
    from matplotlib import dates  # noqa: PLC0415 - slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    times = [moment / _DAY for moment in curve.times]  # matplotlib's dates are days since the epoch
    figure = Figure(figsize=(11, 6.2), dpi=110, layout="constrained", facecolor="white")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.25])
    upper.set_title(title, loc="left", color=_INK, fontsize=13, pad=12, parse_math=False)
    _equity(upper, times, curve, currency)
    _drawdown(lower, times, curve, limit)
    locator = dates.AutoDateLocator(maxticks=13, tz=UTC)  # type: ignore[no-untyped-call]  # matplotlib's
    lower.xaxis.set_major_locator(locator)
    lower.xaxis.set_major_formatter(
        dates.ConciseDateFormatter(locator, tz=UTC)  # type: ignore[no-untyped-call]  # matplotlib's
    )
    lower.set_xlim(times[0], times[-1])
    for axes in (upper, lower):
        axes.grid(visible=True, color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(colors=_MUTED, length=0)
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_visible(False)
    figure.savefig(file, format="png", metadata={"Software": None})


def _equity(axes: Axes, times: list[float], curve: Curve, currency: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator  # noqa: PLC0415 - slow to load

    axes.plot(times, curve.equity, color=_EQUITY, linewidth=1.4, drawstyle="steps-post")
    if curve.held:
        axes.plot(times, curve.held, color=_MUTED, linewidth=1, label="buy and hold, equal parts")
        axes.legend(loc="upper left", frameon=False, labelcolor=_MUTED, fontsize=9.5)
    axes.axhline(curve.equity[0], color=_MUTED, linewidth=0.8, linestyle=_DASHES)
    name = f"equity, {currency}"
    both = (*curve.equity, *curve.held)
    if min(both) > 0 and max(both) > _MANYFOLD * min(both):
        axes.set_yscale("log")  # else the first months would be a flat line
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
        name += " (log)"
    axes.set_ylabel(name, color=_MUTED, parse_math=False)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    gain = curve.equity[-1] / curve.equity[0] - 1 if curve.equity[0] else 0.0
    end = f"{curve.equity[-1]:,.0f}  ({gain:+.1%})"
    axes.set_title(end, loc="right", color=_EQUITY, fontsize=12, fontweight="bold", pad=12)


def _drawdown(axes: Axes, times: list[float], curve: Curve, limit: float | None) -> None:
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415 - slow to load

    axes.fill_between(times, curve.drawdown, 0, step="post", color=_DRAWDOWN, alpha=0.25, lw=0)
    axes.plot(times, curve.drawdown, color=_DRAWDOWN, linewidth=1, drawstyle="steps-post")
    deepest = curve.drawdown[curve.deepest]
    floor = min(deepest, -0.001)
    if limit is not None and -limit > _NEAR * floor:  # a limit far away would flatten the curve
        axes.axhline(-limit, color=_LIMIT, linewidth=1, linestyle=_DASHES)
        floor = min(floor, -limit)
    axes.set_ylabel("drawdown", color=_MUTED)
    said = f"deepest {figure('max-drawdown', -deepest)}"
    if limit is not None:
        shown, wanted = compared("max-drawdown", -deepest, limit)
        far = "" if -limit >= floor else ", below this picture"
        said = f"deepest {shown}, limit {wanted}{far}"
    axes.annotate(said, (0.006, 0.08), xycoords="axes fraction", color=_DRAWDOWN, fontsize=9.5)
    axes.set_ylim(floor * 1.25, 0)
    digits = 0 if floor <= -0.05 else 1  # noqa: PLR2004 - nearer 0, whole percents would repeat
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=digits))
