"""`python -m server serve`: the address, the certificate, and uvicorn over the application."""

import signal
import socket
from collections.abc import Callable
from ssl import PROTOCOL_TLS_SERVER, SSLContext, TLSVersion
from types import FrameType

import uvicorn

from server.app import create_app
from server.connection import ImpatientProtocol
from server.errors import UnusableSetting
from server.log import configure, log
from server.pages.examples import SUBMIT, example_files
from server.practice import practise
from server.services import open_services, wait_for
from server.settings import Settings

GOODBYE_SECONDS = (
    10  # seconds for requests that run at a SIGTERM; a decision takes 2 at most, and a slow sender can send again
)


def serve(settings: Settings) -> int:
    """Serves until SIGTERM or Ctrl-C, then lets running requests finish."""
    configure(settings.log_level, json=settings.log_json)
    # uvicorn raises the signal again after a clean shutdown; this makes that a clean exit
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    _check_certificate(settings)
    with _bind(settings) as listener:
        services = open_services(settings)
        try:
            wait_for(services.engine, settings)
            app = create_app(services)
            _listen(listener, settings)
            if sample := example_files(settings.policies).get(SUBMIT):
                practise(services, sample)
        except BaseException:
            services.close()
            raise
        how = "callers are authenticated" if settings.authentication else "no authentication: loopback only"
        log.info("serving", base_url=settings.base_url, reason=how)
        config = uvicorn.Config(
            app,
            timeout_graceful_shutdown=GOODBYE_SECONDS,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
            ssl_context_factory=_tls if settings.tls_certificate else None,
            log_level="warning",
            access_log=False,
            http=ImpatientProtocol,
            server_header=False,
        )
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _bind(settings: Settings) -> socket.socket:
    """Binds the address before anything else is opened; nobody can connect yet."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise _no_address(settings, error) from error
    return listener


def _listen(listener: socket.socket, settings: Settings) -> None:
    try:
        listener.listen()
    except OSError as error:  # another server bound the address at the same moment
        raise _no_address(settings, error) from error


def _no_address(settings: Settings, error: OSError) -> UnusableSetting:
    where = f"{settings.host}, port {settings.port}"
    text = f"cannot listen on {where}: {error.strerror}. Set VITRUVIAN_HOST and VITRUVIAN_PORT to a free address."
    return UnusableSetting(text)


def _check_certificate(settings: Settings) -> None:
    """Checks the certificate before anything is opened; uvicorn would read the files only after all the rest."""
    if settings.tls_certificate is None:
        return
    try:
        SSLContext(PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except OSError as error:  # an SSLError is one
        raise UnusableSetting(
            f"VITRUVIAN_TLS_CERTIFICATE and VITRUVIAN_TLS_KEY: {settings.tls_certificate} and {settings.tls_key} are "
            f"no certificate with its key ({error.strerror}). Name PEM files, the key without a pass phrase."
        ) from error


def _tls(_: object, default: Callable[[], SSLContext]) -> SSLContext:
    context = default()
    context.minimum_version = TLSVersion.TLSv1_2  # whatever the machine's OpenSSL would still accept (crd sec-2)
    return context


def _exit(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)
