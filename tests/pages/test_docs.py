"""The page of every address works on a machine without the Internet."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from tests import made_up
from tests.serving import serving


def test_docs_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    """Each script and style that the page names is served here, and the document lists the operations."""
    with serving(f"sqlite:///{tmp_path}/r.db", settings=dict(made_up.folders(tmp_path))) as url:
        page = httpx.get(f"{url}/docs")
        if page.status_code == httpx.codes.NOT_FOUND:
            pytest.fail("build/swagger-ui is missing; run make setup")
        named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert [n for n in named if not n.startswith(("/", "data:"))] == []
        for asset in (n for n in named if n.startswith("/")):
            assert httpx.get(url + asset).status_code == httpx.codes.OK
        assert "/fhir/2.2/Claim/$submit" in httpx.get(f"{url}/openapi.json").json()["paths"]


def test_docs_run_nothing_but_what_is_served_here(tmp_path: Path) -> None:
    """The page's own script is allowed by its hash, and no other that somebody might get into it."""
    with serving(f"sqlite:///{tmp_path}/r.db", settings=dict(made_up.folders(tmp_path))) as url:
        page = httpx.get(f"{url}/docs")
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    allowed = page.headers["content-security-policy"]
    assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in allowed
    assert "'unsafe-inline'" not in allowed.split("script-src")[1].split(";")[0]
    assert "frame-ancestors 'none'" in allowed
