"""What is rendered once for all tests."""

from __future__ import annotations

import pytest
import rendered

RENDERED = rendered.everything()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`every_rendering`: one test for each; `every_pod`: one for each template of pods in them."""
    if "every_rendering" in metafunc.fixturenames:
        metafunc.parametrize("every_rendering", RENDERED.values(), ids=RENDERED.keys())
    if "every_pod" in metafunc.fixturenames:
        found = {
            f"{where}/{name}": template
            for where, objects in RENDERED.items()
            for name, template in rendered.pods(objects)
        }
        metafunc.parametrize("every_pod", found.values(), ids=found.keys())


@pytest.fixture(scope="session")
def renderings() -> dict[str, list[rendered.Object]]:
    return RENDERED
