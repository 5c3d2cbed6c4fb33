"""The application: routes and their errors."""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse

from backend.models import MAX_ROWS, CandleBatch, CandleRows, Health, Saved
from tradai.common.pairs import Pair
from tradai.common.timeframes import Timeframe
from tradai.data.candles import Candle
from tradai.data.resample import resample

if TYPE_CHECKING:
    from tradai.common.clock import Clock
    from tradai.data.storage import CandleStore

__all__ = ["create_app"]

_LOG = logging.getLogger(__name__)


def create_app(store: CandleStore, clock: Clock) -> FastAPI:
    """Return the application on a store of candles."""
    app = FastAPI(title="tradai backend", version=_version())

    @app.get("/health")
    def health() -> Health:
        """Tell that the service is up."""
        return Health(version=app.version, time=clock.now().isoformat())

    @app.get("/pairs")
    def pairs() -> list[str]:
        """Name the pairs that there are candles of."""
        return [str(pair) for pair in store.pairs()]

    @app.post("/candles")
    def save(batch: CandleBatch) -> Saved:
        """Keep candles; the same ones again change nothing."""
        candles = [Candle.from_row(row) for row in batch.rows]
        return Saved(saved=store.save(Pair.parse(batch.pair), Timeframe(batch.timeframe), candles))

    @app.get("/candles")
    def load(
        pair: str,
        timeframe: str,
        source: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 500,
    ) -> CandleRows:
        """Hand out the newest closed candles, resampled from `source` if that is given."""
        wanted, kept = Timeframe(timeframe), Timeframe(source or timeframe)
        candles = store.load(Pair.parse(pair), kept)
        if not candles:
            raise HTTPException(404, f"no {kept} candles of {pair}")
        if wanted != kept:
            candles = list(resample(candles, kept, wanted))
        rows = [candle.to_row() for candle in candles[-limit:]]
        return CandleRows.model_validate({"pair": pair, "timeframe": timeframe, "rows": rows})

    @app.exception_handler(ValueError)
    def refuse(_request: Request, error: Exception) -> JSONResponse:
        # The domain's own words: they name the fault and what to write instead.
        return JSONResponse({"detail": str(error)}, status_code=422)

    @app.exception_handler(Exception)
    def fail(request: Request, error: Exception) -> JSONResponse:
        # Imported here since only a request that fails needs a reference to be quoted.
        from tradai.common.ids import new_id

        reference = new_id("err", clock.now())
        _LOG.error("%s failed", request.url.path, exc_info=error, extra={"reference": reference})
        return JSONResponse({"detail": "internal error", "reference": reference}, status_code=500)

    return app


def _version() -> str:
    try:
        return version("backend")
    except PackageNotFoundError:  # in the image the sources are copied, not installed
        return "0+unknown"
