"""Settings of backtests, for the repository and for each strategy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from tradai_tasks.settings.table import Name, Percent, Table, WebAddress, doc, whole

_Enabled = Annotated[bool, doc("Whether there are backtest sessions, which `ci(s)` requires.")]
_StrategyClass = Annotated[
    Annotated[str, whole(r"[A-Za-z_]\w*")],
    doc("Class that freqtrade runs; `strategy` of its configuration if absent."),
]
_Config = Annotated[Name, doc("freqtrade's configuration, from the strategy's folder.")]
_Groups = Annotated[
    tuple[Name, ...], doc("Names of extras and dependency groups that bring freqtrade.")
]
_Pair = Annotated[str, whole(r"[A-Za-z0-9.]+/[A-Za-z0-9.]+(:[A-Za-z0-9.]+)?")]
_Pairs = Annotated[
    Annotated[tuple[_Pair, ...], Meta(min_length=1)],
    doc("Pairs of the full backtest; those of freqtrade's configuration if absent."),
]
_Timeframe = Annotated[
    Annotated[str, whole(r"[0-9]{1,3}[smhdwM]")],
    doc("Timeframe of both backtests; the strategy's own if absent."),
]
_SmokePair = Annotated[
    _Pair,
    doc(
        "The one pair of the smoke backtest; `BTC/USDT:USDT`, or else the first of the "
        "full backtest's pairs, if absent."
    ),
]
_SmokeDays = Annotated[int, Meta(ge=1, le=366), doc("Days of the smoke backtest.")]
_FullMonths = Annotated[int, Meta(ge=1, le=120), doc("Months of the full backtest.")]
_End = Annotated[
    Annotated[str, whole(r"(commit|[0-9]{4}-[0-9]{2}-[0-9]{2})")],
    doc(
        "Where the window ends, at UTC midnight: `commit`, of the commit's day, or a "
        "day such as `2026-01-01`, which is not in it."
    ),
]
_Sharpe = Annotated[
    Literal["closed-trades", "daily-balance"],
    doc(
        "Which Sharpe ratio is gated: `daily-balance`, of the account marked to market "
        "at the end of each day, or `closed-trades`, freqtrade's of the profits of closed trades."
    ),
]
_MinSharpe = Annotated[float, Meta(ge=0, le=100), doc("Gate: least Sharpe ratio, annualised.")]
_MinProfitFactor = Annotated[
    float, Meta(ge=0, le=1000), doc("Gate: least profit factor, gains divided by losses.")
]
_MaxDrawdown = Annotated[Percent, doc("Gate: largest drawdown, marked to market, in percent.")]
_MinTrades = Annotated[int, Meta(ge=1), doc("Gate: least number of closed trades.")]
_Source = Annotated[
    Name,
    doc(
        "Where `backtest-data` fetches candles from: `download` (from the exchange, by "
        "freqtrade), a folder, or `s3://bucket/prefix`."
    ),
]
_DataDir = Annotated[
    Name, doc("Where candles are kept, from the root; in it a folder for each exchange.")
]
_ApiUrl = Annotated[
    WebAddress, doc("Address to download from in place of the exchange's own, without a path.")
]
_Informative = Annotated[
    tuple[Annotated[str, whole(r"(\S+ )?[0-9]{1,3}[smhdwM]")], ...],
    doc(
        "Further candles that the strategy reads and freqtrade cannot know of: `4h` "
        "for its pairs, or `BTC/USDT:USDT 1d`."
    ),
]
_MaxMissing = Annotated[
    float, Meta(ge=0, le=10), doc("Most candles that may be missing inside a series, in percent.")
]

_BiasGates = Annotated[
    tuple[Literal["lookahead", "recursive"], ...],
    doc("freqtrade's analyses that must pass before a release acts."),
]
_MaxRecursive = Annotated[
    float,
    Meta(ge=0, le=100),
    doc(
        "How far an indicator may be, with the declared start-up candles, from its "
        "value with all candles, in percent."
    ),
]


_Protections = Annotated[
    bool, doc("Whether the strategy's protections run, as they do in a live bot.")
]
_AllowOverrides = Annotated[
    tuple[Name, ...],
    doc(
        "Keys of freqtrade's configuration that may flatter the full backtest, such as "
        "`fee` or `position_stacking`."
    ),
]
_OutOfSample = Annotated[
    Annotated[str, whole(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")],
    doc(
        "First day that the strategy was not fitted to, such as `2025-10-01`: the "
        "report shows the figures before it and from it on."
    ),
]


class BacktestSettings(Table, frozen=True, kw_only=True):
    """The sessions `backtest-data(s)`, `backtest-smoke(s)` and `backtest-full(s)`."""

    enabled: _Enabled = True
    strategy_class: _StrategyClass | None = None
    config: _Config = "configs/config.json"
    groups: _Groups = ("freqtrade", "backtest")
    pairs: _Pairs | None = None
    timeframe: _Timeframe | None = None
    smoke_pair: _SmokePair | None = None
    smoke_days: _SmokeDays = 30
    full_months: _FullMonths = 12
    end: _End = "commit"
    sharpe: _Sharpe = "daily-balance"
    min_sharpe: _MinSharpe = 1.0
    min_profit_factor: _MinProfitFactor = 1.2
    max_drawdown: _MaxDrawdown = 20.0
    min_trades: _MinTrades = 50
    source: _Source = "download"
    data_dir: _DataDir = "user_data/data"
    api_url: _ApiUrl | None = None
    informative: _Informative = ()
    max_missing: _MaxMissing = 0.1
    protections: _Protections = True
    allow_overrides: _AllowOverrides = ()
    out_of_sample: _OutOfSample | None = None
    bias_gates: _BiasGates = ("lookahead", "recursive")
    max_recursive: _MaxRecursive = 1.0


class StrategyBacktestSettings(Table, frozen=True, kw_only=True):
    """Backtests of one strategy; absent keys are the repository's."""

    enabled: _Enabled | None = None
    strategy_class: _StrategyClass | None = None
    config: _Config | None = None
    groups: _Groups | None = None
    pairs: _Pairs | None = None
    timeframe: _Timeframe | None = None
    smoke_pair: _SmokePair | None = None
    smoke_days: _SmokeDays | None = None
    full_months: _FullMonths | None = None
    end: _End | None = None
    sharpe: _Sharpe | None = None
    min_sharpe: _MinSharpe | None = None
    min_profit_factor: _MinProfitFactor | None = None
    max_drawdown: _MaxDrawdown | None = None
    min_trades: _MinTrades | None = None
    source: _Source | None = None
    data_dir: _DataDir | None = None
    api_url: _ApiUrl | None = None
    informative: _Informative | None = None
    max_missing: _MaxMissing | None = None
    protections: _Protections | None = None
    allow_overrides: _AllowOverrides | None = None
    out_of_sample: _OutOfSample | None = None
    bias_gates: _BiasGates | None = None
    max_recursive: _MaxRecursive | None = None


def for_strategy(base: BacktestSettings, own: StrategyBacktestSettings) -> BacktestSettings:
    """Return the settings of one strategy: the repository's, overridden by its own."""
    values: dict[str, Any] = {name: getattr(base, name) for name in base.__struct_fields__}
    for name in own.__struct_fields__:
        value = getattr(own, name)
        if value is not None:
            values[name] = value
    return BacktestSettings(**values)
