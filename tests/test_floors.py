"""The floors of the house: imports go down only, neighbours on a floor are strangers, nothing is circular."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = (
    {"config", "failures", "checksums", "seeds", "tensors", "video_io", "video_writer", "checkpoint", "tables", "video_format"},
    {"scene", "diffusion"},
    {"scenario"},
    {"traffic", "roadside"},
    {"layout"},
    {"world", "models", "metrics"},
    {"engine"},
    {"dataset", "rollout"},
    {"training", "labels", "openscenario"},
    {"evaluation"},
    {"api"},
    {"scenario_editor"},
    {"cli"},
    {"__main__"},
)
FLOOR = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}
# below their neighbours, which speak of these
FLOOR |= {"config": -2, "video_format": -2, "seeds": -2, "failures": -1, "checksums": -1}
TRAINING_NEEDS = {"torch", "numpy", "einops", "h5py", "safetensors", "yaml", "cv2", "pydantic", "shapely"}


def _modules() -> dict[str, Path]:
    found = {}
    for base, package in ((ROOT, "drivesim"), (ROOT / "apps", "scenario_editor")):
        for path in sorted((base / package).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _imported_names(module: str, tree: ast.AST) -> Iterator[str]:
    """Dotted names of all that is imported below `tree`; "from a import b" gives a.b."""
    package = module if MODULES.get(module, Path()).name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _module_of(name: str) -> str | None:
    """The longest beginning of `name` that is one of our modules."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def _without_bodies(tree: ast.Module) -> ast.Module:
    """`tree` as it runs at import: function bodies and TYPE_CHECKING blocks are left out."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
            return None

        visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

        def visit_If(self, node: ast.If) -> ast.AST | None:
            if "TYPE_CHECKING" in ast.unparse(node.test):
                return None
            return self.generic_visit(node)

    return Strip().visit(tree)


@cache
def _imports(at_import_only: bool) -> dict[str, set[str]]:
    graph = {}
    for module, path in MODULES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        graph[module] = set(_imported_names(module, _without_bodies(tree) if at_import_only else tree))
    return graph


@cache
def _own(at_import_only: bool = False) -> dict[str, set[str]]:
    """Edges between our modules; importing a.b.c runs a.b as well."""
    edges: dict[str, set[str]] = {}
    for module, names in _imports(at_import_only).items():
        targets = {target for name in names if (target := _module_of(name))}
        for target in list(targets):
            while target := target.rpartition(".")[0]:
                targets.add(target)
        edges[module] = targets - {module}
    return edges


def _closure(starts: set[str], edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    queue = set(starts)
    while queue:
        module = queue.pop()
        seen.add(module)
        queue |= edges[module] - seen
    return seen


def _part(module: str) -> str:
    """The package or module that has a floor: scene of drivesim.scene.camera."""
    names = module.split(".")
    return names[1] if names[0] == "drivesim" and len(names) > 1 else names[0]


def _within(part: str) -> set[str]:
    return {module for module in MODULES if _part(module) == part}


def test_every_part_has_a_floor() -> None:
    assert {_part(module) for module in MODULES} - {"drivesim"} <= set(FLOOR)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module: str) -> None:
    own = _part(module)
    if own == "drivesim":
        assert not _own()[module], "drivesim/__init__.py imports nothing of the house"
        return
    for target in _own()[module]:
        other = _part(target)
        if other not in ("drivesim", own):
            assert FLOOR[other] < FLOOR[own], f"{module} (floor {FLOOR[own]}) imports {target} (floor {FLOOR[other]})"


def test_no_cycles_between_modules() -> None:
    edges = {
        module: {target for target in targets if not module.startswith(target + ".")}
        for module, targets in _own().items()
    }
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(f"cycle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("part", ["engine", "rollout"])
def test_what_is_rolled_out_is_generated_not_rendered(part: str) -> None:
    assert not {_part(module) for module in _closure(_within(part), _own())} & {"world"}


def test_training_imports_with_few_packages() -> None:
    reached = _closure(_within("training"), _own(at_import_only=True))
    outside = {
        (name.split(".")[0], module) for module in reached for name in _imports(True)[module] if _module_of(name) is None
    }
    extra = {(name, module) for name, module in outside if name not in TRAINING_NEEDS | set(sys.stdlib_module_names)}
    assert not extra, f"training must import on a bare GPU machine: {sorted(extra)}"


def test_the_heavy_stay_out_of_the_command_line_at_import() -> None:
    reached = _closure(_within("cli"), _own(at_import_only=True))
    names = {name.split(".")[0] for module in reached for name in _imports(True)[module]}
    assert not names & {"torch", "gradio", "numpy", "cv2", "shapely", "h5py", "pydantic", "av"}


def test_worlds_are_rendered_without_torch() -> None:
    """Each worker process would import it for two seconds."""
    start = {"drivesim.dataset.synthesis", "drivesim.dataset.layouts", "drivesim.world.generator"}
    reached = _closure(start, _own(at_import_only=True))
    assert "torch" not in {name.split(".")[0] for module in reached for name in _imports(True)[module]}
