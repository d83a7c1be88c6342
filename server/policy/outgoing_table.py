"""[outgoing] and [fetch] of a plan file: whom the server may call, and how much it asks of an EHR."""

import ipaddress
from typing import Annotated

from pydantic import Field

from server.policy.outgoing import AllowedHost, FetchRules, OutgoingRules
from server.policy.toml_file import Count, Flag, Said, Shape, Text, TomlTable

_LAST_PORT = 65_535
_USUAL = FetchRules()
_Name = Annotated[Text, Shape(r"[a-z0-9.:\-]+", "is no host: write a name or an IP address, in lower case")]


class HostTable(TomlTable):
    """A host that may be called on other terms than the rest of the Internet."""

    name: _Name = Field(description="As in the addresses: a name, or an IP address without brackets.")
    http: Flag = Field(default=False, description="true: also without TLS.")
    ports: tuple[Count, ...] = Field((), description="The ports that may be called; none: every port.")
    networks: tuple[Text, ...] = Field((), description="Where it may be though that is not public, as 10.1.0.0/16.")

    def contradictions(self) -> Said:
        for port in self.ports:
            if port > _LAST_PORT:
                yield "ports", f"{port} is no port; ports end at {_LAST_PORT}"
        for network in self.networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                yield "networks", f'"{network}" is no network ({error}); write it like 10.1.0.0/16'


class OutgoingTable(TomlTable):
    """Whom the server may call: subscribers, and the EHR of a CDS call."""

    unlisted: Flag = Field(
        default=True, description="Whether hosts not listed may be called: https, public, usual ports."
    )
    host: tuple[HostTable, ...] = ()

    def rules(self) -> OutgoingRules:
        return OutgoingRules(
            self.unlisted,
            tuple(
                AllowedHost(h.name, h.http, h.ports, tuple(ipaddress.ip_network(n) for n in h.networks))
                for h in self.host
            ),
        )


class FetchTable(TomlTable):
    """How much one CDS call may ask of the EHR for what did not come along."""

    milliseconds: Annotated[Count, Field(le=4_000)] = Field(
        _USUAL.milliseconds, description="All of it together, in a call that is to be answered within 5 s."
    )
    queries: Count = Field(_USUAL.queries, description="Of one call, with their pages.")
    pages: Count = Field(_USUAL.pages, description="Of one query.")
    bytes: Count = Field(_USUAL.size, description="Of one answer.")

    def rules(self) -> FetchRules:
        return FetchRules(self.milliseconds, self.queries, self.pages, self.bytes)
