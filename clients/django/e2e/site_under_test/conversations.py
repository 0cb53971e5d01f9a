"""Conversations of browsers with an app that tells the gateway something.

Each step is a browser, and what the view says by ``sidgate_django.events``; a number is seconds
that pass. After each step every browser looks who it is. The real gateway and the test client have
to come to the same.
"""

import itertools

PRO = {"tenant_id": "t1", "attributes": {"plan": "pro", "seats": 3}, "user": {"shoe": 42}}
LESS = {"tenant_id": None, "attributes": {"plan": None, "trial": True}, "user": {"shoe": None}}
ROTATE = ("rotate", {})

CONVERSATIONS = {
    "updates": [
        ("A", [("update", {"identity_patch": PRO})]),  # nobody is logged in
        ("A", [("login", {"user": "ada"})]),
        ("A", [("update", {"identity_patch": PRO})]),
        ("A", [("update", {"identity_patch": LESS})]),
        ("A", [("update", {"identity_patch": {"user": {"email": "new@example.com"}}})]),
        ("A", [("update", {"identity_patch": {"user": {"id": "99"}}})]),  # is somebody else
    ],
    "logouts": [
        ("A", [("login", {"user": "ada"})]),
        ("B", [("login", {"user": "ada"})]),
        ("C", [("login", {"user": "bob"})]),
        ("A", [("logout", {"scope": "others"})]),
        ("B", [("login", {"user": "ada"})]),
        ("A", [("logout", {"scope": "this"})]),
        ("A", [("login", {"user": "ada"}), ("logout", {"scope": "others"})]),
        ("B", [("login", {"user": "ada"})]),
        ("A", [("logout", {"scope": "all"})]),
        ("A", [("logout", {"scope": "all"})]),  # nobody is logged in
    ],
    "logins": [
        ("A", [("login", {"user": "ada"})]),
        ("A", [("login", {"user": "bob"})]),
        ("A", [("login", {"user": "bob"}), ("update", {"identity_patch": PRO}), ROTATE]),
        ("A", [("logout", {"scope": "this"}), ("login", {"user": "ada"})]),
    ],
    "rotations": [
        ("A", [ROTATE]),
        ("A", [("login", {"user": "ada"})]),
        ("A", [ROTATE]),
        ("A", [ROTATE] * 8),
        ("A", [*[ROTATE] * 8, ("update", {"identity_patch": PRO})]),  # too many
    ],
    "ends": [
        ("A", [("login", {"user": "ada", "ttl": 2})]),
        ("B", [("login", {"user": "ada", "ttl": 10_000_000})]),
        3,
    ],
}


def conversed(name, post, get, wait):
    """What the browsers saw after each step; handles are numbered as they appear."""
    numbers = {None: None}
    counted = itertools.count(1)
    course = []
    for step, said in enumerate(CONVERSATIONS[name]):
        if isinstance(said, int):
            wait(said)
        else:
            post(said[0], f"/conversations/{name}/{step}/")
        looks = {browser: get(browser, "/seen/") for browser in "ABC"}
        for look in looks.values():
            if look["handle"] not in numbers:
                numbers[look["handle"]] = next(counted)
            look["handle"] = numbers[look["handle"]]
        course.append(looks)
    return course
