"""What all report pages share: one HTML file that needs nothing else, its look, its pictures."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from bokeh.embed import components
from bokeh.resources import INLINE
from bokeh.themes import Theme

import ui


def fill_page(
    main: str, title: str, where: str, pictures: Mapping[str, Any], **parts: object
) -> str:
    """Return a page.

    Args:
        main: HTML with a place in braces for every picture and part.
        title: of the window, plain.
        where: what stands beside the product's name, plain.
        pictures: Bokeh models by the name of their place.
        parts: HTML by the name of its place.
    """
    theme = Theme(filename=f"{ui.__path__[0]}/theme/potline.yaml")
    script, divs = components(dict(pictures), theme=theme)
    return _SHELL.format(
        title=escape(title),
        where=escape(where),
        bokeh=INLINE.render(),
        style=_STYLE,
        script=script,
        main=main.format(**divs, **parts),
    )


_STYLE: Final = """body { background: #e4e7e8; color: #263038; margin: 0;
  font-variant-numeric: tabular-nums;
  font: 13px/1.45 "Segoe UI", "Helvetica Neue", Arial, "Liberation Sans", sans-serif; }
header { background: #d7dcde; border-bottom: 1px solid #c2c9cc; padding: 14px 24px; }
header b { font-size: 16px; color: #11181d; margin-right: 24px; }
main { max-width: 1160px; margin: 0 auto; padding: 16px 24px 40px; }
section { background: #f0f2f2; border: 1px solid #d3d8da; border-radius: 4px; padding: 14px 18px;
  margin-bottom: 12px; overflow-x: auto; }
h1 { font-size: 20px; margin: 4px 0 12px; color: #11181d; }
h2 { font-size: 14px; margin: 0 0 8px; }
p { margin: 0 0 6px; max-width: 130ch; }
.muted { color: #56626a; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: #56626a; border-bottom: 1px solid #c2c9cc; }
th, td { padding: 6px 10px 6px 0; vertical-align: top; }
tr + tr td { border-top: 1px solid #dfe3e5; }
.num { text-align: right; white-space: nowrap; padding-right: 18px; }
code { color: #56626a; font-size: 12px; }
i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 7px; }
"""
_SHELL: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{bokeh}
<style>
{style}</style>
{script}
</head><body>
<header><b>potline</b>{where}</header>
<main>
{main}</main></body></html>
"""
