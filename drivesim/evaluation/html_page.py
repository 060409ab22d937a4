"""The frame of reports that are one page of HTML: nothing in it is fetched from elsewhere."""

from __future__ import annotations

from html import escape

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bar: #4a90d9; --bad: #d9534f }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.finding { border-left: 4px solid var(--bad); padding: .4rem .8rem; background: #d9534f18 }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0 2rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .15rem .4rem; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left } th { font-weight: 600 }
.bar { background: linear-gradient(to right, #4a90d955 var(--share), transparent var(--share)) }
figure { margin: 1rem 0 }
figure img, video { max-width: 100%; display: block; margin-bottom: .5rem } figcaption { padding: .2rem 0 }
.key span { padding: 0 .4rem; margin-right: .6rem; color: #000; outline: 1px solid var(--line) }
pre { white-space: pre-wrap; padding: .6rem .8rem; background: #8882; border-radius: 4px } svg { max-width: 100%; height: auto }
svg text { font-size: 11px; fill: currentColor } .facts td { white-space: normal; overflow-wrap: anywhere }
"""


def html_page(title: str, body: str, style: str = "") -> str:
    """A whole page of HTML round what it shows; `style` are rules of its own."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )
