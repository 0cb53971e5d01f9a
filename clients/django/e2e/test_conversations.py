"""The test client of the package obeys an app as the gateway does."""

import json
import time

import pytest

from browser import Browser
from site_under_test.conversations import CONVERSATIONS, conversed


@pytest.fixture(scope="module")
def played(site):
    return json.loads(site.python("-m", "site_under_test.played"))


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_gateway_comes_to_the_same(site, played, name):
    browsers = {browser: Browser(site.port) for browser in "ABC"}
    course = conversed(
        name,
        post=lambda browser, path: browsers[browser].send("POST", path),
        get=lambda browser, path: browsers[browser].get(path).json(),
        wait=time.sleep,
    )
    for step, (real, ours) in enumerate(zip(course, played[name], strict=True)):
        assert real == ours, f"step {step}: {CONVERSATIONS[name][step]}"
