"""A reviewer at the review desk, by the pages that a browser would show: signs in, fills in the form, sends it."""

import re
from datetime import date, timedelta

import httpx

from server.authoring.stories_file import RulingTable
from server.policy.desk import Reviewer


class DeskVisit:
    """One reviewer's visit to the desk. Every page is checked: a refusal raises httpx.HTTPStatusError."""

    def __init__(self, base_url: str, reviewer: Reviewer) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=30)
        self.reviewer = reviewer

    def decide(self, case_id: str, ruling: RulingTable) -> None:
        """Reads the case, fills in the form, reads what goes out, and sends it."""
        with self._http:
            self._post("/review/sign-in", login=self.reviewer.login, password=self.reviewer.demo_password)
            self._get(f"/review/case/{case_id}")
            path = f"/review/case/{case_id}/{ruling.verdict}"
            start = date.fromisoformat(_value(self._get(path), "start"))
            last = start + timedelta(days=ruling.days - 1)
            fields = {"item": "1", "why": ruling.why, "start": start.isoformat(), "end": last.isoformat()}
            self._post(path, **fields)
            self._post(path, step="send", **fields)

    def _get(self, path: str) -> str:
        return self._http.get(path).raise_for_status().text

    def _post(self, path: str, **fields: str) -> None:
        """A form with the token of its page, and with how much of the case that page has shown."""
        page = self._get(path)
        kept = {name: found for name in ("token", "facts") if (found := _value(page, name))}
        answer = self._http.post(path, data=kept | fields)
        if not answer.has_redirect_location:
            answer.raise_for_status()


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    return found[1] if found else ""
