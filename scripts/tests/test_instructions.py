"""What `benches/instructions` makes of two sets of figures. Nothing is counted here."""

import importlib.machinery
import importlib.util
import json
import sys
from pathlib import Path

import pytest

BENCHES = Path(__file__).resolve().parent.parent.parent / "benches"


@pytest.fixture(scope="module")
def instructions():
    loader = importlib.machinery.SourceFileLoader("instructions", str(BENCHES / "instructions"))
    spec = importlib.util.spec_from_loader("instructions", loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["instructions"] = module
    loader.exec_module(module)
    return module


@pytest.fixture
def figures(instructions):
    def make(rustc="rustc 1.95.0", **operations):
        place = instructions.Place(rustc=rustc, cpu="x86_64 aes", valgrind="valgrind-3.19.0")
        return instructions.Figures(place, operations)

    return make


@pytest.mark.parametrize("now", [950, 1000, 1050])
def test_five_percent_more_or_less_is_the_same(instructions, figures, now):
    assert instructions.findings(figures(vet=1000), figures(vet=now)) == []


@pytest.mark.parametrize(("now", "change"), [(949, "-5.1%"), (1051, "+5.1%")])
def test_what_takes_more_or_less_is_named(instructions, figures, now, change):
    [finding] = instructions.findings(figures(vet=1000, resolve=7), figures(vet=now, resolve=7))
    assert finding == f"vet: {now} instructions instead of 1000, {change}"


def test_another_compiler_is_compared_loosely_and_not_left_out(instructions, figures):
    before = figures(vet=1000)
    assert instructions.findings(before, figures("rustc 1.96.0", vet=1299)) == []
    assert len(instructions.findings(before, figures("rustc 1.96.0", vet=1301))) == 1


def test_an_operation_without_a_figure_and_a_figure_without_an_operation_are_named(instructions, figures):
    found = instructions.findings(figures(vet=1000, gone=1), figures(vet=1000, new=1))
    assert found == ["gone: is not counted any more", "new: has no committed figure"]


def test_figures_are_read_as_they_were_written(instructions, figures):
    written = figures(vet=1000, resolve=7)
    assert instructions.Figures.read(written.text()) == written


def test_a_run_that_counted_nothing_is_no_result(instructions):
    assert instructions.collected("==7== Collected : 1234\n") == 1234
    for said in ("==7== Collected : 0\n", "valgrind: no such program\n"):
        with pytest.raises(instructions.Failed):
            instructions.collected(said)


def test_the_committed_figures_are_those_of_the_operations(instructions):
    committed = json.loads((BENCHES / "instructions.json").read_text())
    assert list(committed["operations"]) == list(instructions.OPERATIONS)
    assert committed["place"].keys() == {"rustc", "cpu", "valgrind"}
