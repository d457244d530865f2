"""How report pages look that are one HTML file."""

from typing import Final

PAGE_STYLE: Final = """body { background: #e4e7e8; color: #263038; margin: 0;
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
