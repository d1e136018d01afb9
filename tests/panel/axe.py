"""Where axe-core is, after `npm ci` in `src/panel`."""

from pathlib import Path

AXE = Path(__file__).parents[2] / "src" / "panel" / "node_modules" / "axe-core" / "axe.min.js"
