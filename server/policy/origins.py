"""[browsers] of a plan file: the web pages of others that may read answers in a browser. None, unless it says so."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from server.policy.toml_file import Flag, Shape, Text, TomlTable

_LOOPBACK = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")
_Origin = Annotated[
    Text,
    Shape(r"https?://[a-z0-9.\-]+(:[0-9]{1,5})?", "is no origin; write https://HOST, in lower case, without a path"),
]


@dataclass(frozen=True, slots=True)
class Origins:
    """listed: origins as browsers send them. loopback: whether every page that this machine serves may, too."""

    listed: frozenset[str] = frozenset()
    loopback: bool = False

    def allow(self, origin: str) -> bool:
        return origin in self.listed or (self.loopback and _LOOPBACK.fullmatch(origin) is not None)


class BrowsersTable(TomlTable):
    """Whose pages may call from a browser: a CDS sandbox, a DTR app that is no server."""

    origins: tuple[_Origin, ...] = Field((), description="Where those pages are from, as https://app.example.")
    loopback: Flag = Field(default=False, description="true: also pages that this machine serves, at any port.")

    def rules(self) -> Origins:
        return Origins(frozenset(self.origins), self.loopback)
