"""Whoever is woken by an alert finds out what it means and what to do."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = (ROOT / "deploy/prometheus/alerts.rules.yml").read_text()
TESTS = (ROOT / "deploy/prometheus/tests.yml").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()

ALERTS = {block.split("\n")[0]: block for block in RULES.split("- alert: ")[1:]}


def section(name: str) -> str:
    found = re.search(rf"^### {name}\n(.*?)(?=^##)", OPERATIONS, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def test_there_are_alerts():
    assert len(ALERTS) >= 10


@pytest.mark.parametrize("name", ALERTS)
def test_it_has_a_section_that_its_runbook_leads_to(name):
    assert f"runbook: docs/operations.md#{name.lower()}\n" in ALERTS[name] + "\n"
    severity = re.search(r"severity: (\w+)", ALERTS[name])[1]
    assert section(name).strip().startswith(f"*{severity}.*"), "says how urgent it is"
    assert re.search(r"^Do: \S", section(name), re.MULTILINE), "says what to do"


@pytest.mark.parametrize("name", ALERTS)
def test_promtool_has_seen_it_fire(name):
    fires = rf'alertname="{name}"[^}}]*\}}\', value: 1|alertname: {name}\n +eval_time: \w+\n +exp_alerts: \[\{{'
    assert re.search(fires, TESTS)


def test_no_section_is_about_an_alert_that_is_gone():
    assert set(re.findall(r"^### (Sidgate\w+)$", OPERATIONS, re.MULTILINE)) == set(ALERTS)
