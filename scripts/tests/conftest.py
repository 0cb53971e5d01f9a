"""`scripts/tidy` is a program without a suffix; its modules lie beside it."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SCRIPTS))


def load():
    loader = importlib.machinery.SourceFileLoader("tidy", str(SCRIPTS / "tidy"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", loader))
    # Data classes look their module up, and tests import it.
    sys.modules["tidy"] = module
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = written


load()


@pytest.fixture
def findings(tmp_path):
    """Findings of one check in a tree of the given files."""
    from tree import Tree

    def find(check, files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return list(check(Tree(tmp_path)))

    return find
