"""The parts of Bokeh that panels draw with.

The type stubs that Bokeh ships lack many of its own models and misname the arguments of others, so
these names come through here untyped; panels keep their own types strict.
"""

from importlib import import_module
from typing import Any, Final

from bokeh.models import InlineStyleSheet, LayoutDOM

_models: Final[Any] = import_module("bokeh.models")
_layouts: Final[Any] = import_module("bokeh.layouts")
_plotting: Final[Any] = import_module("bokeh.plotting")

BoxAnnotation: Final[Any] = _models.BoxAnnotation
Button: Final[Any] = _models.Button
ColumnDataSource: Final[Any] = _models.ColumnDataSource
CrosshairTool: Final[Any] = _models.CrosshairTool
DataRange1d: Final[Any] = _models.DataRange1d
DatetimeTickFormatter: Final[Any] = _models.DatetimeTickFormatter
Div: Final[Any] = _models.Div
FixedTicker: Final[Any] = _models.FixedTicker
NoOverlap: Final[Any] = _models.NoOverlap
RadioButtonGroup: Final[Any] = _models.RadioButtonGroup
Range1d: Final[Any] = _models.Range1d
Select: Final[Any] = _models.Select
Span: Final[Any] = _models.Span
TextInput: Final[Any] = _models.TextInput
Whisker: Final[Any] = _models.Whisker
column: Final[Any] = _layouts.column
figure: Final[Any] = _plotting.figure
row: Final[Any] = _layouts.row

__all__ = [
    "BoxAnnotation",
    "Button",
    "ColumnDataSource",
    "CrosshairTool",
    "DataRange1d",
    "DatetimeTickFormatter",
    "Div",
    "FixedTicker",
    "InlineStyleSheet",
    "LayoutDOM",
    "NoOverlap",
    "RadioButtonGroup",
    "Range1d",
    "Select",
    "Span",
    "TextInput",
    "Whisker",
    "column",
    "figure",
    "row",
]
