"""The server speaks TLS itself when it is given a certificate."""

import socket
import ssl
import warnings
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from server.demo.serving import serving
from server.settings import Settings
from tests.certificate import certificate


def speaks(port: int, trust: ssl.SSLContext, version: ssl.TLSVersion) -> bool:
    """Whether a handshake in exactly this version succeeds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the old versions, which is why they are tried
        trust.minimum_version = trust.maximum_version = version
    trust.set_ciphers("ALL:@SECLEVEL=0")  # else this side would refuse the old versions by itself
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            trust.wrap_socket(plain, server_hostname="127.0.0.1"),
        ):
            return True
    except ssl.SSLError:
        return False


def test_with_a_certificate_the_server_speaks_tls_1_2_and_newer_only(tmp_path: Path) -> None:
    """A client that trusts the certificate is served over TLS, in 1.2 and 1.3, and in nothing older."""
    authority, settings = certificate(tmp_path)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with serving(None, trust, **settings) as server:
        where = httpx.get(f"{server.base_url}/.well-known/davinci-configuration", verify=trust).json()
        port = int(server.base_url.rsplit(":", 1)[1])
        spoken = {version for version in (*_OLD, *_NEW) if speaks(port, trust, version)}
    assert server.base_url.startswith("https://127.0.0.1:")
    assert all(url.startswith(server.base_url) for url in where["endpoints"].values())
    assert spoken == set(_NEW)


_OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
_NEW = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@pytest.mark.parametrize("alone", ["tls_certificate", "tls_key"])
def test_a_certificate_goes_with_its_key(alone: str) -> None:
    """One of the two settings without the other is refused, and the message names both."""
    with pytest.raises(ValidationError, match="VITRUVIAN_TLS_CERTIFICATE and VITRUVIAN_TLS_KEY"):
        Settings.model_validate({alone: __file__})


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The file that is missing stands in the message."""
    with pytest.raises(ValidationError, match=r"absent\.pem is not there"):
        Settings(tls_certificate=tmp_path / "absent.pem", tls_key=Path(__file__))
