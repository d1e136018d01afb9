"""Five tests, of which one fails: `discounted` rounds down where it promises to round to the nearest cent."""

from __future__ import annotations

import pytest
from basket import Basket


def test_an_empty_basket_costs_nothing() -> None:
    """Nothing in it, nothing to pay."""
    assert Basket().total() == 0


def test_prices_add_up() -> None:
    """The total is the sum of what was put in."""
    basket = Basket()
    basket.add("apples", 120)
    basket.add("bread", 350, count=2)
    assert basket.total() == 820


def test_the_same_goods_again() -> None:
    """Goods that are there already are added to."""
    basket = Basket()
    basket.add("apples", 120)
    basket.add("apples", 120)
    assert basket.prices == {"apples": 240}


def test_a_count_below_one_is_refused() -> None:
    """Nothing can be taken out by putting less than one in."""
    with pytest.raises(ValueError, match="apples"):
        Basket().add("apples", 120, count=0)


def test_a_discount_is_rounded_to_the_nearest_cent() -> None:
    """Ten percent off 95 cents leaves 85.5: that makes 86."""
    basket = Basket()
    basket.add("pear", 95)
    assert basket.discounted(10) == 86
