"""The conversations with the test client of the package, one line of JSON for each."""

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_under_test.settings")
django.setup()

from sidgate_django.testing import Gateway, GatewayClient  # noqa: E402

from site_under_test.conversations import CONVERSATIONS, conversed  # noqa: E402


def play(name):
    gateway = Gateway()
    browsers = {
        browser: GatewayClient(gateway=gateway, SERVER_NAME="localhost") for browser in "ABC"
    }
    return conversed(
        name,
        post=lambda browser, path: browsers[browser].post(path),
        get=lambda browser, path: browsers[browser].get(path).json(),
        wait=gateway.advance,
    )


print(json.dumps({name: play(name) for name in CONVERSATIONS}))
