"""HTTP: the answers of the store, a live stream and the panel, for browsers and other tools.

    from patternspan.api import create_app

    app.mount("/patterns", create_app(root="state"))  # into an application of FastAPI or Starlette

`create_app` guards itself: hosts, origins and, where one is given, a token. `create_router` is the routes alone,
for an engine that has its own guard. This is the only door to FastAPI.
"""

from __future__ import annotations

from patternspan.errors import MissingExtraError

try:
    import fastapi
except ModuleNotFoundError as error:
    if error.name != "fastapi":
        raise
    raise MissingExtraError("serving needs an extra: pip install 'patternspan[server]'") from None

from patternspan.api.app import create_app
from patternspan.api.feed import Feed
from patternspan.api.routes import create_router

__all__ = ["Feed", "create_app", "create_router"]
del fastapi
