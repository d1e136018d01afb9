"""The state store: runs and events of a log in a database, to be asked for. It is a cache, and the log is the truth.

The only door to SQLAlchemy.
"""

from __future__ import annotations

from patternspan.errors import MissingExtraError

try:
    import sqlalchemy
except ModuleNotFoundError as error:
    if error.name != "sqlalchemy":
        raise
    raise MissingExtraError("the state store needs an extra: pip install 'patternspan[store]'") from None

from patternspan.store.ingest import Ingested
from patternspan.store.store import Page, RecordedRun, Store
from patternspan.store.verify import Verified

__all__ = ["Ingested", "Page", "RecordedRun", "Store", "Verified"]
del sqlalchemy
