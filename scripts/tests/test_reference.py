"""The pages of docs/reference are what the program says about itself."""

import pytest
import reference


def test_no_page_is_stale():
    stale = reference.stale()
    assert not list(stale), "scripts/reference.py --write writes them anew"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.", "One."),
        ("Such as `a. b`. Two.", "Such as `a. b`."),
        ("That of a name (of one. or two). Three.", "That of a name (of one. or two)."),
        ("At most 1.5 of it", "At most 1.5 of it"),
    ],
)
def test_the_first_sentence_is_found(text, first):
    assert reference.first_sentence(text) == first


def test_tables_are_named_as_in_the_file():
    key = {"x-type": "word"}
    schema = {
        "properties": {
            "server": {"type": "object", "properties": {"a": key, "tls": {"type": "object", "properties": {"b": key}}}},
            "routes": {"type": "array", "items": {"type": "object", "properties": {"c": key}}},
            "apps": {"type": "object", "additionalProperties": {"type": "object", "properties": {"d": key}}},
            "names": {"type": "object", "additionalProperties": key},
        }
    }
    found = [(shown, [name for name, _ in keys]) for shown, keys in reference.tables("", schema)]
    assert found == [
        ("[server]", ["a"]),
        ("[server.tls]", ["b"]),
        ("[[routes]]", ["c"]),
        ("[apps.NAME]", ["d"]),
        ("[names]", ["NAME"]),
    ]
