"""Connections: how long a server may take for its headers, and where a connection may lead.

`requests` waits for each byte anew. So a server that sends one byte of a header every 20 seconds, or
"100 Continue" without end, is never given up. Here the headers of a response have a time limit as a whole.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.__version__ import __version__ as requests_version
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from finback.core.version import __version__
from finback.datasets.fetch.addresses import is_public, shown
from finback.datasets.fetch.errors import PermanentError

HEADERS_S = 30.0  # when the request has no other limit


class Session(requests.Session):
    """Requests that carry no password, no cookie, and no packed answer; redirects are followed by `Web`.

    `before` is called before each request. `public_only`: an address of this machine or of the local network
    is refused, so that a page on the Internet cannot lead there.
    """

    def __init__(self, before: Callable[[], None], public_only: bool = False) -> None:
        super().__init__()
        self._before = before
        self.headers["User-Agent"] = f"finback/{__version__} (python-requests/{requests_version})"
        # Otherwise the length is that of the compressed body, and a partial download cannot be continued.
        self.headers["Accept-Encoding"] = "identity"
        self.auth = _no_password  # otherwise the passwords in ~/.netrc are sent
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("http://", _Adapter(public_only))
        self.mount("https://", _Adapter(public_only))

    def send(self, request: Any, **options: Any) -> Any:
        self._before()
        return super().send(request, **options)

    def resolve_redirects(self, *args: Any, **options: Any) -> Any:
        """None: this method of `requests` reads the body of a redirect to its end."""
        return iter(())

    def get_redirect_target(self, resp: Any) -> Any:
        target = super().get_redirect_target(resp)
        if target and target.lower().startswith("http://") and str(resp.url).lower().startswith("https://"):
            repair = "open the site in a browser"
            raise PermanentError(
                f"{shown(resp.url)}: redirects to {shown(target)}, which is not a secure connection", repair
            )
        return target


def _no_password(request: Any) -> Any:
    return request


class _Limited:
    """Of a connection: the headers as a whole come in time, and the other end may be asked."""

    public_only = False

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        # Behind a proxy, the other end is the proxy, which the user has chosen.
        if self.public_only and not self.proxy and not is_public(self.sock.getpeername()[0]):  # type: ignore[attr-defined]
            host = self.host  # type: ignore[attr-defined]
            self.close()  # type: ignore[attr-defined]
            raise PermanentError(
                f"{shown(host)}: is an address of this machine or of the local network, and the source is on "
                "the Internet",
                "if you trust the source, give the address of the file in a TOML file of your own",
            )

    def getresponse(self) -> Any:
        late = threading.Event()
        sock = self.sock  # type: ignore[attr-defined]

        def give_up() -> None:
            late.set()
            with suppress(OSError, TypeError):  # TypeError: TLS inside of TLS, which is no socket
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

        limit_s = self.timeout  # type: ignore[attr-defined]
        timer = threading.Timer(limit_s if isinstance(limit_s, int | float) else HEADERS_S, give_up)
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()
            if late.is_set():
                raise TimeoutError("the headers did not come in time")


class _Http(_Limited, HTTPConnection):
    pass


class _Https(_Limited, HTTPSConnection):
    pass


class _PublicHttp(_Http):
    public_only = True


class _PublicHttps(_Https):
    public_only = True


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _PublicHttpPool(HTTPConnectionPool):
    ConnectionCls = _PublicHttp


class _PublicHttpsPool(HTTPSConnectionPool):
    ConnectionCls = _PublicHttps


class _Adapter(HTTPAdapter):
    def __init__(self, public_only: bool) -> None:
        self._pools = (
            {"http": _PublicHttpPool, "https": _PublicHttpsPool}
            if public_only
            else {"http": _HttpPool, "https": _HttpsPool}
        )
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager
