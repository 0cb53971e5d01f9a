"""A cache that everybody shares (nginx): between gateway and app, and in front of the gateway."""

import shutil
from pathlib import Path

import pytest

from browser import Browser
from conftest import Site
from servers import Server, free_ports

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
CONFIG = (Path(__file__).parent / "nginx.conf").read_text()


def run_cache(work, port, upstream):
    work.mkdir()
    config = work / "nginx.conf"
    config.write_text(CONFIG.replace("PORT", str(port)).replace("UPSTREAM", str(upstream)))
    command = [NGINX, "-p", work, "-c", config, "-e", "stderr"]
    return Server(command, port=port, log=work / "nginx.log")


@pytest.fixture(scope="module")
def between(tmp_path_factory, site):
    """Browser, gateway, cache, app. A gateway of its own, in front of the same app."""
    work = tmp_path_factory.mktemp("between")
    (port,) = free_ports(1)
    other = Site(work, upstream=port, master=site.work / "master.key")
    running = [run_cache(work / "nginx", port, site.app), other.run_gateway()]
    yield other.port, other.port
    for server in reversed(running):
        server.stop()


@pytest.fixture(scope="module")
def in_front(tmp_path_factory, site):
    """Browser, cache, gateway, app."""
    work = tmp_path_factory.mktemp("in-front")
    (port,) = free_ports(1)
    cache = run_cache(work / "nginx", port, site.port)
    yield port, site.port
    cache.stop()


@pytest.fixture(params=["between", "in_front"])
def visitors(request):
    port, public = request.getfixturevalue(request.param)
    visitors = [Browser(port, host=f"localhost:{public}") for _ in range(3)]
    for visitor, name in zip(visitors, ("ada", "bob"), strict=False):
        answer = visitor.submit("/login/", username=name, password="right")
        assert answer.status == 302, answer.text
    for visitor in visitors:
        visitor.cookies.pop("csrftoken", None)  # which would tell them apart by itself
    return visitors


@pytest.mark.parametrize("path", ["/shared/", "/cached/"])
def test_each_sees_their_own_page(visitors, path):
    for _ in range(2):
        seen = [visitor.get(path).text for visitor in visitors]
        assert [page.split()[0] for page in seen] == ["ada", "bob", "None"]


def test_it_is_a_cache(visitors):
    """Else the tests above would show nothing."""
    answers = [visitors[2].get("/shared/") for _ in range(3)]
    # One may be the first with a new assertion.
    assert "HIT" in [answer.headers["X-Cache"] for answer in answers[1:]]
    assert len({answer.text for answer in answers}) < 3


def test_whoever_logs_out_sees_nobodys_page(visitors):
    browser = visitors[0]
    assert browser.get("/shared/").text.startswith("ada")
    browser.cookies.pop("sid")
    assert browser.get("/shared/").text.startswith("None")
