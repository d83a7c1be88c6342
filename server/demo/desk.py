"""A reviewer at the review desk, by the pages that a browser would show: signs in, fills in the form, sends it."""

import re
from datetime import date, timedelta
from typing import Self

import httpx

from server.authoring.stories_file import RulingTable
from server.policy.desk import Reviewer


class DeskVisit:
    """One made-up reviewer's visit to the desk. A page that refuses raises httpx.HTTPStatusError."""

    def __init__(self, base_url: str, reviewer: Reviewer) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=30)
        self._reviewer = reviewer

    def __enter__(self) -> Self:
        self._post("/review/sign-in", login=self._reviewer.login, password=self._reviewer.demo_password)
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def decide(self, case_id: str, ruling: RulingTable) -> float:
        """Reads the case, fills in the form, reads what goes out, and sends it; the seconds that the last step took."""
        self._get(f"/review/case/{case_id}")
        path = f"/review/case/{case_id}/{ruling.verdict}"
        start = date.fromisoformat(_value(self._get(path), "start"))
        last = start + timedelta(days=ruling.days - 1)
        fields = {"item": "1", "why": ruling.why, "start": start.isoformat(), "end": last.isoformat()}
        self._post(path, **fields)
        return self._post(path, step="send", **fields)

    def _get(self, path: str) -> str:
        return self._http.get(path).raise_for_status().text

    def _post(self, path: str, **fields: str) -> float:
        """A form with the token of its page, and with how much of the case that page has shown; the seconds it took."""
        page = self._get(path)
        kept = {name: found for name in ("token", "facts") if (found := _value(page, name))}
        answer = self._http.post(path, data=kept | fields)
        if not answer.has_redirect_location:
            answer.raise_for_status()
        return answer.elapsed.total_seconds()


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    return found[1] if found else ""
