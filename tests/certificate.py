"""A certificate made on the spot, for a server of ours that speaks TLS."""

from pathlib import Path

import trustme


def certificate(folder: Path) -> tuple[trustme.CA, dict[str, str]]:
    """The authority that a client must trust, and the settings of a server with a certificate for 127.0.0.1."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    chain, key = folder / "chain.pem", folder / "key.pem"
    issued.private_key_pem.write_to_path(key)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    return authority, {"tls_certificate": str(chain), "tls_key": str(key)}
