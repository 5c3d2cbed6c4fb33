import pytest

from tradai.common.pairs import Pair


@pytest.mark.parametrize(
    ("text", "slug", "is_future"),
    [("BTC/USDT", "BTC_USDT", False), ("1000PEPE/USDT:USDT", "1000PEPE_USDT_USDT", True)],
)
def test_names_are_read_and_written(text: str, slug: str, is_future: bool) -> None:
    pair = Pair.parse(text)
    assert str(pair) == text
    assert pair.slug == slug
    assert pair.is_future is is_future


@pytest.mark.parametrize("text", ["", "BTC", "btc/usdt", "BTC/USDT:", "BTC-USDT", "../../x"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no pair"):
        Pair.parse(text)
