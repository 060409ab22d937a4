"""The contract holds together, and nothing else defines its numbers and names a second time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from drivesim import video_format as v

ROOT = Path(__file__).parents[1]
PYTHON = [path for part in ("drivesim", "apps") for path in sorted((ROOT / part).rglob("*.py")) if path.name != "video_format.py"]
SCRIPTS = sorted((ROOT / "apps").rglob("*.js"))

# A number is a second definition where its name, or the number beside it, says that it means the same.
NAMED: tuple[tuple[str, dict[float, str]], ...] = (
    (r"(?i)(^|_)(fps|frame_?rates?)$", dict.fromkeys(v.FRAME_RATES, "FRAME_RATES")),
    (r"(?i)(^|_)heights?$", {v.NETWORK_HEIGHT: "NETWORK_HEIGHT", v.FRAME_HEIGHT: "FRAME_HEIGHT"}),
    (r"(?i)(^|_)widths?$", {v.NETWORK_WIDTH: "NETWORK_WIDTH", v.FRAME_WIDTH: "FRAME_WIDTH"}),
    (r"(?i)(^|_)(vehicles|boxes)$", {v.MAX_VEHICLES: "MAX_VEHICLES"}),
    (r"(?i)^window$", {v.WINDOW: "WINDOW"}),
    (r"^CONTEXT$|^context_frames$", {v.CONTEXT: "CONTEXT"}),
    (r"(?i)(^|_)(factor|scale|upscaling)$", {v.LATENT_FACTOR: "LATENT_FACTOR", v.UPSAMPLING_FACTOR: "..._FACTOR"}),
)
SIZES = {
    (v.NETWORK_HEIGHT, v.NETWORK_WIDTH): "NETWORK_HEIGHT, NETWORK_WIDTH",
    (v.FRAME_HEIGHT, v.FRAME_WIDTH): "FRAME_HEIGHT, FRAME_WIDTH",
}
SIZES |= {(width, height): name for (height, width), name in SIZES.items()}
TEXTS = {f"{a}x{b}": name for (a, b), name in SIZES.items()}
NAMES = {"STAGE_NAMES": set(v.STAGE_NAMES), "PHASES": set(v.PHASES)}


def number(node: ast.AST | None) -> float | None:
    """The number that is written there, as 30, 30 / 16, Fraction(15, 8), or the default of Field(128, ge=8)."""
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return float(node.value)
        case ast.BinOp(left=ast.Constant(value=int() | float() as a), op=ast.Div(), right=ast.Constant(value=int() | float() as b)):
            return a / b if b else None
        case ast.Call(func=ast.Name(id="Fraction"), args=[ast.Constant(value=int() as a), ast.Constant(value=int() as b)]):
            return a / b
        case ast.Call(func=ast.Name(id="Field"), args=args, keywords=keywords):
            default = [k.value for k in keywords if k.arg == "default"]
            return number((args + default + [None])[0])
    return None


def named(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What has a name where it is written: assigned, passed by keyword, a key's value, or a parameter's default."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                yield from ((ast.unparse(a), b) for a, b in zip(names, values, strict=False))
            case ast.Assign(targets=targets, value=value):
                yield from ((ast.unparse(target), value) for target in targets)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield ast.unparse(target), value
            case ast.keyword(arg=str() as name, value=value):
                yield name, value
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                yield from ((str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant))
            case ast.arguments(posonlyargs=first, args=args, defaults=defaults, kwonlyargs=last, kw_defaults=others):
                last_of_them = [*first, *args][::-1]
                yield from ((arg.arg, value) for arg, value in zip(last_of_them, defaults[::-1], strict=False))
                yield from ((arg.arg, value) for arg, value in zip(last, others, strict=True) if value is not None)


def second_definitions(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """(line, what is written, what to import from drivesim.video_format instead)."""
    for node in ast.walk(tree):
        if number(node) == v.FRAME_RATES[0]:
            yield node.lineno, ast.unparse(node), "KEY_FPS or FRAME_RATES"  # type: ignore[attr-defined]
        if isinstance(node, ast.Constant) and node.value in TEXTS:
            yield node.lineno, str(node.value), TEXTS[str(node.value)]
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            values = [number(element) for element in node.elts]
            found = [SIZES[pair] for pair in pairwise(values) if pair in SIZES]
            words = {element.value for element in node.elts if isinstance(element, ast.Constant)}
            found += [name for name, known in NAMES.items() if len(words & known) > 1]
            yield from ((node.lineno, ast.unparse(node)[:60], name) for name in found)
    for name, value in named(tree):
        for pattern, numbers in NAMED:
            if re.search(pattern, name) and (instead := numbers.get(number(value) or 0)):
                yield value.lineno, f"{name} = {ast.unparse(value)}", instead


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_defines_nothing_of_it_again(path: Path) -> None:
    found = sorted(set(second_definitions(ast.parse(path.read_text(encoding="utf-8")))))
    assert not found, "\n".join(f"{path}:{line}: {text}: import {name} from drivesim.video_format" for line, text, name in found)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_the_page_defines_nothing_of_it_again(path: Path) -> None:
    text = re.sub(r"(?m)//.*$", "", path.read_text(encoding="utf-8"))
    sizes = "|".join(str(size) for size in (v.FRAME_HEIGHT, v.FRAME_WIDTH))
    limit = rf"vehicles(\.length)?\s*[<>=]+\s*{v.MAX_VEHICLES}\b"
    found = [match[0] for match in re.finditer(rf"\b({sizes})\b|\b{v.FRAME_RATES[0]}\b|{limit}", text)]
    assert not found, f"{path}: {found}: import it from ./contract.js, which the server writes (server/routes.py)"


@pytest.mark.parametrize(
    "code",
    [
        "rate = 30 / 16", "fps = Fraction(15, 8)", "f(fps=7.5)", "def f(fps: float = 30): ...", "HEIGHT, WIDTH = 128, 256",
        "size = [512, 1024]", "height: int = Field(default=128, ge=8)", "MAX_VEHICLES = 24", "WINDOW = 10", "factor = 8",
        'size = "128x256"', 'for stage in ("autoencoder", "image-ldm"): ...', 'Phase = Literal["compose", "predict"]',
    ],
)  # fmt: skip
def test_a_copy_is_found(code: str) -> None:
    assert list(second_definitions(ast.parse(code)))


@pytest.mark.parametrize("code", ["token_width = 128", "count = 24", "widths = (32, 64, 128)", "timeout = 30", "batch = 10"])
def test_what_means_something_else_is_not(code: str) -> None:
    assert not list(second_definitions(ast.parse(code)))


def test_numbers_fit_each_other() -> None:
    assert v.FRAME_RATES == (1.875, 7.5, 30.0)
    assert (v.FRAME_HEIGHT, v.FRAME_WIDTH) == (512, 1024)
    assert v.NETWORK_HEIGHT % v.LATENT_FACTOR == v.NETWORK_WIDTH % v.LATENT_FACTOR == 0
    assert 0 < v.CONTEXT < v.WINDOW


def test_the_page_has_words_for_every_phase() -> None:
    text = (ROOT / "apps" / "scenario_editor" / "static" / "rollout_panel.js").read_text(encoding="utf-8")
    words = re.search(r"const PHASES = \{(.*?)\}", text, re.DOTALL)
    assert words is not None
    assert set(re.findall(r"(\w+): \"", words[1])) == {"load", *v.PHASES}
