"""Settings of backtests, for the repository and for each strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, defstruct
from msgspec.structs import replace

from tradai_tasks.settings.table import Name, Percent, Table, WebAddress, doc, whole

_Pair = Annotated[str, whole(r"[A-Za-z0-9.]+/[A-Za-z0-9.]+(:[A-Za-z0-9.]+)?")]


class BacktestSettings(Table, frozen=True, kw_only=True):
    """The sessions `backtest-data(s)`, `backtest-smoke(s)` and `backtest-full(s)`."""

    enabled: Annotated[
        bool, doc("Whether there are backtest sessions, which `ci(s)` requires.")
    ] = True
    strategy_class: (
        Annotated[
            Annotated[str, whole(r"[A-Za-z_]\w*")],
            doc("Class that freqtrade runs; `strategy` of its configuration if absent."),
        ]
        | None
    ) = None
    config: Annotated[Name, doc("freqtrade's configuration, from the strategy's folder.")] = (
        "configs/config.json"
    )
    groups: Annotated[
        tuple[Name, ...], doc("Names of extras and dependency groups that bring freqtrade.")
    ] = ("freqtrade", "backtest")
    pairs: (
        Annotated[
            Annotated[tuple[_Pair, ...], Meta(min_length=1)],
            doc("Pairs of the full backtest; those of freqtrade's configuration if absent."),
        ]
        | None
    ) = None
    timeframe: (
        Annotated[
            Annotated[str, whole(r"[0-9]{1,3}[smhdwM]")],
            doc("Timeframe of both backtests; the strategy's own if absent."),
        ]
        | None
    ) = None
    smoke_pair: (
        Annotated[
            _Pair,
            doc(
                "The one pair of the smoke backtest; `BTC/USDT:USDT`, or else the first of the "
                "full backtest's pairs, if absent."
            ),
        ]
        | None
    ) = None
    smoke_days: Annotated[int, Meta(ge=1, le=366), doc("Days of the smoke backtest.")] = 30
    full_months: Annotated[int, Meta(ge=1, le=120), doc("Months of the full backtest.")] = 12
    end: Annotated[
        Annotated[str, whole(r"(commit|[0-9]{4}-[0-9]{2}-[0-9]{2})")],
        doc(
            "Where the window ends, at UTC midnight: `commit`, of the commit's day, or a "
            "day such as `2026-01-01`, which is not in it."
        ),
    ] = "commit"
    sharpe: Annotated[
        Literal["closed-trades", "daily-balance"],
        doc(
            "Which Sharpe ratio is gated: `daily-balance`, of the account marked to market "
            "at the end of each day, or `closed-trades`, freqtrade's of the profits of closed "
            "trades."
        ),
    ] = "daily-balance"
    min_sharpe: Annotated[
        float, Meta(ge=0, le=100), doc("Gate: least Sharpe ratio, annualised.")
    ] = 1.0
    min_profit_factor: Annotated[
        float, Meta(ge=0, le=1000), doc("Gate: least profit factor, gains divided by losses.")
    ] = 1.2
    max_drawdown: Annotated[
        Percent, doc("Gate: largest drawdown, marked to market, in percent.")
    ] = 20.0
    min_trades: Annotated[int, Meta(ge=1), doc("Gate: least number of closed trades.")] = 50
    source: Annotated[
        Name,
        doc(
            "Where `backtest-data` fetches candles from: `download` (from the exchange, by "
            "freqtrade), a folder, or `s3://bucket/prefix`."
        ),
    ] = "download"
    data_dir: Annotated[
        Name, doc("Where candles are kept, from the root; in it a folder for each exchange.")
    ] = "user_data/data"
    api_url: (
        Annotated[
            WebAddress,
            doc("Address to download from in place of the exchange's own, without a path."),
        ]
        | None
    ) = None
    informative: Annotated[
        tuple[Annotated[str, whole(r"(\S+ )?[0-9]{1,3}[smhdwM]")], ...],
        doc(
            "Further candles that the strategy reads and freqtrade cannot know of: `4h` "
            "for its pairs, or `BTC/USDT:USDT 1d`."
        ),
    ] = ()
    max_missing: Annotated[
        float,
        Meta(ge=0, le=10),
        doc("Most candles that may be missing inside a series, in percent."),
    ] = 0.1
    protections: Annotated[
        bool, doc("Whether the strategy's protections run, as they do in a live bot.")
    ] = True
    allow_overrides: Annotated[
        tuple[Name, ...],
        doc(
            "Keys of freqtrade's configuration that may flatter the full backtest, such as "
            "`fee` or `position_stacking`."
        ),
    ] = ()
    out_of_sample: (
        Annotated[
            Annotated[str, whole(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")],
            doc(
                "First day that the strategy was not fitted to, such as `2025-10-01`: the "
                "report shows the figures before it and from it on."
            ),
        ]
        | None
    ) = None
    bias_gates: Annotated[
        tuple[Literal["lookahead", "recursive"], ...],
        doc("freqtrade's analyses that must pass before a release acts."),
    ] = ("lookahead", "recursive")
    max_recursive: Annotated[
        float,
        Meta(ge=0, le=100),
        doc(
            "How far an indicator may be, with the declared start-up candles, from its "
            "value with all candles, in percent."
        ),
    ] = 1.0


if TYPE_CHECKING:
    StrategyBacktestSettings = Table
else:
    # every key of the repository's table, and none has a default
    StrategyBacktestSettings = defstruct(
        "StrategyBacktestSettings",
        [(name, f"{kind} | None", None) for name, kind in BacktestSettings.__annotations__.items()],
        bases=(Table,),
        module=__name__,
        namespace={"__doc__": "Backtests of one strategy; absent keys are the repository's."},
        frozen=True,
        kw_only=True,
    )


def for_strategy(base: BacktestSettings, own: StrategyBacktestSettings) -> BacktestSettings:
    """Return the settings of one strategy: the repository's, overridden by its own."""
    stated = ((name, getattr(own, name)) for name in own.__struct_fields__)
    return replace(base, **{name: value for name, value in stated if value is not None})
