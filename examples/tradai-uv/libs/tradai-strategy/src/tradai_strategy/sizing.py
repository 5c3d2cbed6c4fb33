"""How much to buy."""

from __future__ import annotations

from tradai_strategy.protocols import RiskLimits

__all__ = ["leverage_within", "stake_for"]


def stake_for(equity: float, limits: RiskLimits, *, leverage: float = 1.0) -> float:
    """Return the margin to put up so that the stop loses no more than the limits allow.

    Args:
        equity: What the account is worth, in its currency.
        limits: The strategy's limits.
        leverage: Position size over margin.

    Raises:
        ValueError: The leverage is below 1, or there is no equity.
    """
    if equity <= 0:
        raise ValueError(f"no equity to trade with: {equity}")
    if leverage < 1:
        raise ValueError(f"leverage must be at least 1, not {leverage}")
    position = equity * limits.risk_per_trade / limits.stop_loss
    return min(position / leverage, equity)


def leverage_within(limits: RiskLimits, proposed: float, allowed: float) -> float:
    """Return the leverage to use: what is proposed, within the limits and what is allowed."""
    return max(1.0, min(proposed, allowed, limits.max_leverage))
