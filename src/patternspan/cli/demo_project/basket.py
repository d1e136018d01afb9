"""The sample project of `patternspan demo`: a shopping basket with one mistake in it."""

from __future__ import annotations


class Basket:
    """Goods and their prices, in cents."""

    def __init__(self) -> None:
        self.prices: dict[str, int] = {}

    def add(self, name: str, cents: int, count: int = 1) -> None:
        """Put goods in; the same goods again add to what is there."""
        if count < 1:
            raise ValueError(f"{name}: {count} of them cannot be put in")
        self.prices[name] = self.prices.get(name, 0) + cents * count

    def total(self) -> int:
        """Return what all of it costs."""
        return sum(self.prices.values())

    def discounted(self, percent: int) -> int:
        """Return the total less so many percent, rounded to the nearest cent."""
        return self.total() * (100 - percent) // 100
