"""That every configuration of the comparison is complete, and what its figures become."""

import os
import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).resolve().parent.parent.parent / "benches"
sys.path[:0] = [str(BENCHES / "peers"), str(BENCHES / "load"), str(BENCHES)]

import compare
import counted
import listed
import products
import proof
import tables

EVERYBODY = (products.CHECKER, *products.PRODUCTS)
# What a run knows besides the ports of the product itself.
GIVEN = {"app", "modules", "sid", "user", "email", *(way.port for way in products.CHECKER.ways)}


def test_only_named_places_are_filled():
    text = 'listen {{port}}; map $sid { default ""; } proxy_set_header Host $host; {{{port}}}'
    assert products.filled(text, {"port": 80}) == 'listen 80; map $sid { default ""; } proxy_set_header Host $host; {80}'


def test_a_place_without_a_value_ends_the_run():
    with pytest.raises(compare.Failed, match="{{prot}}"):
        products.filled("listen {{prot}};", {"port": 80})


@pytest.mark.parametrize("product", EVERYBODY, ids=lambda product: product.name)
def test_a_configuration_has_every_port_of_its_product_and_nothing_unknown(product):
    texts = [file.read_text() for file in (products.HERE / product.folder).iterdir()]
    places = {place for text in texts for place in products.PLACE.findall(text)}
    ports = {way.port for way in product.ways}
    assert ports <= places <= ports | GIVEN
    assert all("Advice taken from" in text for text in texts)


def test_rows_can_be_compared():
    ways = [way for product in products.PRODUCTS for way in product.ways]
    assert all(not product.ways[0].knows for product in products.PRODUCTS)
    assert all(way.knows for way in ways if way.asks)
    assert len({way.name for way in ways}) == len(ways)


class Ours:
    """A process that is there anyway."""

    pid = os.getpid()


def row(name: str, micros: list[float], **more) -> counted.Row:
    row = counted.Row(name, Ours, 80, "/", micros=micros, rates=[1000.0, 3000.0], p50=[1.0, 2.0], p99=[3.0, 4.0], **more)
    row.user_shares, row.checker_shares = [0.5, 0.25], [0.1, 0.3]
    return row


def test_the_table():
    bare = row("bare", [40.0, 50.0])
    asking = row("asking", [100.0, 200.0], base=bare, checkers=(1,))
    head, _, *lines = listed.table([bare, asking]).splitlines()
    assert head.count("|") == 11
    assert lines == [
        "| bare | 45.0 | 17 + 28 |  |  | 1.00 | 1.00..1.00 | 2,000 | 1.50 | 3.50 |",
        "| asking | 150.0 | 56 + 94 | 105.0 | 30.0 | 3.25 | 2.50..4.00 | 2,000 | 1.50 | 3.50 |",
    ]


def test_who_opens_connections_and_who_loses_lines_is_named():
    log = Path("access.log")
    fine = row("fine", [1.0, 1.0], access_log=log, connects=[0.002, 0.004], lines=[0.99, 1.01])
    silent = row("silent", [1.0, 1.0], connects=[0.0, 0.0], lines=[0.0, 0.0])
    opens = row("opens", [1.0, 1.0], access_log=log, connects=[0.5, 1.0], lines=[1.0, 1.0])
    loses = row("loses", [1.0, 1.0], access_log=log, connects=[0.0, 0.0], lines=[0.5, 0.6])
    of_connections, of_lines = listed.remarks([fine, silent, opens, loses])
    assert of_connections.startswith("opens: 0.75 connections")
    assert of_lines.startswith("loses: 0.55 lines")


def test_a_log_is_counted_and_emptied(tmp_path):
    log = tmp_path / "access.log"
    log.write_text("one\ntwo\n")
    its = row("its", [], access_log=log)
    assert (its.take_log(), log.read_text()) == (2, "")
    with pytest.raises(compare.Failed, match="its has written no access log"):
        its.take_log()


def test_all_processes_are_counted_once():
    mine, other = row("mine", []), row("other", [], checkers=(1,))
    assert mine.pids[0] == os.getpid()
    assert other.pids == (*mine.pids, 1)
    assert counted.cpu_seconds((os.getpid(),)) > 0


def test_the_app_must_have_got_the_header_and_nothing_beside_it():
    proof.told("peer", b'{"x-session-user-id": ["0"]}', {"x-session-user-id": "0"})
    for body in (b"{}", b'{"x-session-user-id": ["somebody-else"]}', b'{"x-session-user-id": ["somebody-else", "0"]}'):
        with pytest.raises(compare.Failed, match="x-session-user-id"):
            proof.told("peer", body, {"x-session-user-id": "0"})


def test_a_table_replaces_the_one_between_its_marks(tmp_path):
    document = tmp_path / "document.md"
    document.write_text("before\n<!-- a -->\nold\n<!-- b -->\nafter\n")
    tables.put(document, "<!-- a -->", "new", "<!-- b -->")
    assert document.read_text() == "before\n<!-- a -->\nnew\n<!-- b -->\nafter\n"


@pytest.mark.parametrize("text", ["", "<!-- a -->", "<!-- b --><!-- a -->", "<!-- a --><!-- a --><!-- b -->"])
def test_a_document_without_its_marks_stays_as_it_is(tmp_path, text):
    document = tmp_path / "document.md"
    document.write_text(text)
    with pytest.raises(ValueError, match="each once"):
        tables.put(document, "<!-- a -->", "new", "<!-- b -->")
    assert document.read_text() == text
