"""Files come from strangers: nothing that drivesim reads can run code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "drivesim").rglob("*.py"), *(ROOT / "apps").rglob("*.py")])
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
CALLS = {"torch.load", "numpy.load", "np.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "pandas.read_pickle",
         "exec", "eval"}  # fmt: skip


def dangers(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield node.module or ""
        elif isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in CALLS:
            loads_safely = name == "yaml.load" and any("Safe" in ast.unparse(part) for part in [*node.args[1:], *node.keywords])
            if not loads_safely:
                yield name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_pickle_is_ever_loaded(path: Path) -> None:
    assert not list(dangers(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "source", ["import pickle", "from pickle import loads", "import torch\ntorch.load('x')", "yaml.load(x)", "eval('1')"]
)
def test_it_would_be_found(source: str) -> None:
    assert list(dangers(source))
