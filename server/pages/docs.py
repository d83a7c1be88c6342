"""`GET /docs`: every address to read and to try. Its script and style are served from here, not from the Internet."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from server.pages.openapi import TITLE, document
from server.url import Url

SCRIPT, STYLE = "swagger-ui-bundle.js", "swagger-ui.css"


def add_docs(app: FastAPI, rows: Sequence[tuple[str, Url]], examples: Mapping[str, Any], assets: Path) -> None:
    """Adds `/openapi.json`, and the page over it; without the page's assets, which the build makes, there is no page.

    rows: each with the base it is served under. examples: bodies by name.
    """

    @cache
    def described() -> bytes:
        return document(rows, examples)

    async def openapi() -> Response:
        return Response(await run_in_threadpool(described), media_type="application/json")

    app.add_api_route("/openapi.json", openapi, methods=["GET", "HEAD"])
    if not (assets / SCRIPT).is_file():
        return
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=TITLE,
        swagger_js_url=f"/docs/{SCRIPT}",
        swagger_css_url=f"/docs/{STYLE}",
        swagger_favicon_url="data:,",
    )

    page.headers.update(_safe(bytes(page.body)))

    async def docs() -> Response:
        return page

    app.add_api_route("/docs", docs)
    app.mount("/docs", StaticFiles(directory=assets))


def _safe(page: bytes) -> dict[str, str]:
    """Nothing runs in the page but the scripts that are served from here, and the one that stands in it."""
    inline = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    scripts = " ".join(f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in inline)
    policy = (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
