"""The table of metrics names what the code emits, no more and no less."""

import re
from pathlib import Path

from patternspan.model import vocabulary

PAGE = Path(__file__).parents[2] / "docs" / "integration.md"


def test_every_metric_is_on_the_page():
    """By name, in the section on metrics."""
    section = PAGE.read_text().partition("\n## Metrics\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    assert listed == {value for name, value in vars(vocabulary).items() if name.startswith("METRIC_")}
