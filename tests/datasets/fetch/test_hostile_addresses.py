"""Addresses that a site that attacks leads to: no secret is sent, and none leads to this machine."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hostile import DATA, own, run, web_of
from misbehaving import Site, moved, raw, response, wav

from finback.datasets.fetch.addresses import Reach
from finback.datasets.fetch.download import WantedFile, download
from finback.datasets.fetch.errors import PermanentError
from finback.datasets.fetch.web import RequestLimits, Web


def test_no_password_and_no_cookie_is_sent(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Site() as other:
        there = other.put("/b.wav", DATA)
        head = {"Location": there, "Set-Cookie": "a=b; Path=/", "Content-Length": "0"}
        site.spoil("/a.wav", raw(response(head, "302 Found")), raw(response(head, "302 Found")))
        web = web_of()
        for name in ("a.wav", "c.wav"):
            download(WantedFile(site.url + "/a.wav", tmp_path / name), web)
        asked = [*site.asked("/a.wav"), *other.asked("/b.wav")]
    assert len(asked) == 4
    assert not [
        name for headers in asked for name in headers if name in ("authorization", "cookie", "referer")
    ]


def test_a_public_source_does_not_lead_to_this_machine(site: Site, here: Path) -> None:
    url = site.put("/a.wav", DATA)
    reach = Reach(["e.org"])
    web = Web(RequestLimits(rate=1000, tries=1), lambda text: None, threading.Event(), reach=reach)
    for address in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "2130706433")):
        with pytest.raises(PermanentError, match="address of this machine or of the local network"):
            download(WantedFile(address, here), web)
    assert not site.log


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("10.1.2.3", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # what cloud machines tell their passwords at
        ("0.0.0.0", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
        ("words", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert Reach([]).allows("a.org", address) is public


def test_a_source_in_the_local_network_may_lead_to_others_there() -> None:
    reach = Reach(["nas.lab"])
    assert not reach.allows("other.lab", "10.0.0.2")
    assert reach.allows("nas.lab", "10.0.0.1")
    assert reach.allows("other.lab", "10.0.0.2")


def test_the_address_of_a_redirect_is_not_kept(site: Site, tmp_path: Path) -> None:
    """It can be signed: whoever has it can read the file, and more."""
    site.put("/there.wav?X-Signature=secret", DATA)
    site.spoil("/a.wav", moved("/there.wav?X-Signature=secret"))
    run(own(site, {"/a.wav": "Walrus"}), tmp_path)
    assert f"{site.url}/a.wav" in (tmp_path / "fetched.csv").read_text()
    assert "secret" not in (tmp_path / "fetched.csv").read_text()


def test_another_file_of_the_same_name_is_not_taken_for_it(site: Site, tmp_path: Path) -> None:
    """Over all runs into one folder: the second source says another species for another file."""
    site.put("/x/a.wav", wav(1))
    site.put("/y/a.wav", wav(2))
    run(own(site, {"/x/a.wav": "Walrus"}), tmp_path)
    report = run(own(site, {"/y/a.wav": "Orca"}), tmp_path)
    assert (report.had, report.new) == (0, 0)
    assert "has a file of this name from" in report.failed[0][1]
    assert (tmp_path / "audio/a.wav").read_bytes() == wav(1)
