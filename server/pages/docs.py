"""`GET /docs`: every address to read and to try. Its script and style are served from here, not from the Internet."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

SCRIPT, STYLE = "swagger-ui-bundle.js", "swagger-ui.css"


def add_docs(app: FastAPI, assets: Path) -> None:
    """Adds the page over the OpenAPI document; without its assets, which the build makes, there is none."""
    if not (assets / SCRIPT).is_file():
        return
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=app.title,
        swagger_js_url=f"/docs/{SCRIPT}",
        swagger_css_url=f"/docs/{STYLE}",
        swagger_favicon_url="data:,",
    )

    async def docs(request: Request) -> Response:  # noqa: ARG001 - a handler takes the request
        return page

    app.add_api_route("/docs", docs, include_in_schema=False)
    app.mount("/docs", StaticFiles(directory=assets))
