"""Connections: how long a server may take for its headers, and where a connection may lead.

`requests` starts its wait again with each byte. So a server that sends one byte of a header every 20
seconds, or "100 Continue" without end, is never given up. Here the headers of a response have a time limit as
a whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import requests
from requests.__version__ import __version__ as requests_version
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from finback.core.version import __version__
from finback.datasets.fetch.addresses import Reach, shown
from finback.datasets.fetch.errors import PermanentError

BOTH_WAYS = 2  # SHUT_RDWR of a socket
HEADERS_S = 30.0  # when the request has no other limit


class Session(requests.Session):
    """Requests that carry no password, no cookie, and no packed answer; redirects are followed by `Web`.

    `before` is called before each request. `reach`: which addresses may be asked; without it, all.
    """

    def __init__(self, before: Callable[[], None], reach: Reach | None = None) -> None:
        super().__init__()
        self._before = before
        self.headers["User-Agent"] = f"finback/{__version__} (python-requests/{requests_version})"
        # Otherwise the length is that of the compressed body, and a partial download cannot be continued.
        self.headers["Accept-Encoding"] = "identity"
        self.auth = _no_password  # otherwise the passwords in ~/.netrc are sent
        self.mount("http://", _Adapter(reach))
        self.mount("https://", _Adapter(reach))

    def send(self, request: Any, **options: Any) -> Any:
        self._before()
        answer = super().send(request, **options)
        self.cookies.clear()
        return answer

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

    reach: Reach | None = None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        # Behind a proxy, the other end is the proxy, which the user has chosen.
        host, other = self.host, self.sock.getpeername()[0]  # type: ignore[attr-defined]
        if self.reach is not None and not self.proxy and not self.reach.allows(host, other):  # type: ignore[attr-defined]
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
            with suppress(OSError):
                sock.shutdown(BOTH_WAYS)

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


class _Adapter(HTTPAdapter):
    def __init__(self, reach: Reach | None) -> None:
        def pool(base: type, connection: type) -> type:
            limited = type("Limited", (_Limited, connection), {"reach": reach})
            return type("Pool", (base,), {"ConnectionCls": limited})

        self._pools = {
            "http": pool(HTTPConnectionPool, HTTPConnection),
            "https": pool(HTTPSConnectionPool, HTTPSConnection),
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager
