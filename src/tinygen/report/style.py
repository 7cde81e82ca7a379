"""The look of the HTML view; everything is inside the file, nothing is fetched."""

from __future__ import annotations

from tinygen import __version__
from tinygen.report.markup import Node, node

CSS = """
:root{color-scheme:light dark;--ink:#1c2430;--faint:#5d6875;--paper:#f6f7f9;--card:#fff;--edge:#dfe3e8;
--good:#1f7a4d;--bad:#b3352b;--hold:#946200}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ee;--faint:#98a3b0;--paper:#14181e;--card:#1c222a;--edge:#323a45;
--good:#5cc48d;--bad:#f08a7f;--hold:#dfae4e}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:980px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:24px;margin:0 0 4px}
h2{font-size:18px;margin:0 0 2px}
h3{font-size:15px;margin:26px 0 8px}
section{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:20px 22px;margin:18px 0}
.faint{color:var(--faint)}
.headline{font-size:17px;font-weight:600;margin:6px 0 14px}
.passed{color:var(--good)}.failed,.error{color:var(--bad)}.skipped,.blocked{color:var(--hold)}
table{border-collapse:collapse;width:100%;font-size:14px}
.scroll{overflow-x:auto}
th{text-align:left;font-weight:600;color:var(--faint);border-bottom:1px solid var(--edge);padding:4px 14px 4px 0}
td{border-bottom:1px solid var(--edge);padding:4px 14px 4px 0;vertical-align:top}
tr:last-child td{border-bottom:0}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;margin:0;font-size:14px}
dt{color:var(--faint)}dd{margin:0;overflow-wrap:anywhere}
figure{margin:10px 0 0;overflow-x:auto}
svg{max-width:100%;height:auto}
figure svg{min-width:280px}
ul{margin:6px 0 0;padding-left:20px}
code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px}
details>summary{cursor:pointer;color:var(--faint)}
.mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(380px,1fr));gap:16px}
.mistake{border:1px solid var(--edge);border-radius:8px;padding:10px 12px;overflow:hidden}
.spectrum{display:block;width:100%;height:96px;image-rendering:pixelated;margin-top:6px}
audio{width:100%;height:34px;margin:6px 0}
figcaption{font-size:13px;margin-top:2px}
@media print{body{background:#fff}section{break-inside:avoid}}
"""


def head(title: str) -> Node:
    """The head of every page: nothing in it, or below it, may be fetched."""
    return node(
        "head",
        None,
        node("meta", {"charset": "utf-8"}),
        node("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        node("meta", {"name": "generator", "content": f"tinygen {__version__}"}),
        node("title", None, title),
        node("style", None, CSS),
    )
