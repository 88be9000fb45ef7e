// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How reports look. Colours are custom properties, so that charts follow the
// theme of the page; fast is strong and slow is pale in both themes.

#ifndef HEADGATE_LIB_REPORTSTYLE_H
#define HEADGATE_LIB_REPORTSTYLE_H

namespace headgate {

constexpr const char *reportStyle = R"css(
:root { color-scheme: light dark;
  --paper: #f7f6f2; --card: #ffffff; --ink: #1c2026; --dim: #666d7a; --line: #e4e2db;
  --fast: #0a5c63; --slow: #dfeae6; --on-fast: #ffffff; --accent: #0a6d73;
  --second: #b7651b; --bad: #a8352c; --grey: #eceae4; --band: #0a6d7318; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #121418; --card: #1a1d23; --ink: #e9e7e2; --dim: #979eac; --line: #2b2f37;
  --fast: #74e0d0; --slow: #213038; --on-fast: #0c1a1c; --accent: #66d2c4;
  --second: #f0a862; --bad: #f08a7e; --grey: #23262c; --band: #66d2c41c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums; -webkit-font-smoothing: antialiased; }
main { max-width: 1160px; margin: 0 auto; padding: 56px 32px 80px; }
.over { color: var(--accent); font-size: 12px; font-weight: 600; letter-spacing: .14em; text-transform: uppercase; margin: 0 0 8px; }
h1 { font-size: 34px; line-height: 1.15; font-weight: 650; letter-spacing: -.02em; margin: 0 0 12px; }
h2 { font-size: 21px; line-height: 1.25; font-weight: 620; letter-spacing: -.01em; margin: 64px 0 4px; padding-top: 22px; border-top: 1px solid var(--line); }
h3 { font-size: 14px; font-weight: 620; margin: 0; }
p { margin: 0 0 8px; max-width: 72ch; }
.dim, figcaption { color: var(--dim); }
figcaption { font-size: 12.5px; line-height: 1.45; margin: 2px 0 12px; }
a { color: inherit; text-decoration-color: var(--line); text-underline-offset: 3px; }
code { font: 12.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 10px 44px; margin: 26px 0 34px; }
.facts div { color: var(--dim); font-size: 13px; } .facts b { display: block; color: var(--ink); font-size: 25px; font-weight: 600; letter-spacing: -.01em; line-height: 1.2; }
.cards { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 18px; margin-top: 18px; }
@media (max-width: 860px) { .cards { grid-template-columns: minmax(0, 1fr); } main { padding: 32px 18px; } }
figure, .card { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px 14px; min-width: 0; }
.wide { grid-column: 1 / -1; }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th { text-align: left; color: var(--dim); font-weight: 500; font-size: 12px; padding: 4px 14px 8px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td { padding: 9px 14px 9px 0; border-bottom: 1px solid var(--line); vertical-align: top; } tr:last-child td { border-bottom: 0; }
.num { text-align: right; white-space: nowrap; }
.bar { display: block; height: 5px; border-radius: 3px; background: var(--accent); margin-top: 5px; }
.pill { display: inline-block; border: 1px solid var(--line); border-radius: 99px; padding: 1px 9px; font-size: 12px; color: var(--dim); white-space: nowrap; }
.pill.bad { color: var(--bad); border-color: currentColor; }
summary { cursor: pointer; color: var(--dim); font-size: 12.5px; }
footer { margin-top: 64px; color: var(--dim); font-size: 12.5px; border-top: 1px solid var(--line); padding-top: 16px; }
svg text { font-size: 11.5px; fill: var(--ink); }
svg .halo { paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; } svg .tick { fill: var(--dim); font-size: 11px; }
svg .label { fill: var(--dim); font-size: 11.5px; } svg .strong { font-weight: 620; }
svg .accent { fill: var(--accent); } svg .secondary { fill: var(--second); } svg .faint { fill: var(--dim); font-size: 10px; }
svg .on { fill: var(--on-fast); font-size: 10.5px; } svg .off { fill: var(--ink); font-size: 10.5px; }
.grid { stroke: var(--line); stroke-width: 1; } .axis { stroke: var(--dim); stroke-width: 1; opacity: .55; }
.cell { stroke: var(--card); stroke-width: 2; } .none { fill: var(--grey); } .untried { fill: none; stroke: var(--grey); stroke-width: 1; } .frame { fill: none; stroke: var(--second); stroke-width: 2.5; }
.band { fill: var(--band); } .wire { fill: none; stroke-width: 1.3; opacity: .75; } .wire:hover { stroke-width: 3; opacity: 1; }
.best { fill: none; stroke: var(--accent); stroke-width: 2.6; stroke-linejoin: round; } .default { fill: none; stroke: var(--second); stroke-width: 2.2; stroke-dasharray: 6 4; }
.peer { fill: none; stroke: var(--ink); stroke-width: 1.6; opacity: .7; } .dot-peer { fill: var(--ink); stroke: var(--card); stroke-width: 2; }
.roof { fill: none; stroke: var(--dim); stroke-width: 1.4; stroke-dasharray: 2 4; } .front { fill: none; stroke: var(--accent); stroke-width: 1.2; opacity: .6; }
.dot { fill: var(--accent); opacity: .55; } .dot:hover { opacity: 1; } .dot-best { fill: var(--accent); stroke: var(--card); stroke-width: 2; }
.dot-default { fill: var(--second); stroke: var(--card); stroke-width: 2; } .whisker { stroke: var(--accent); stroke-width: 2; }
@media print { body { background: none; } figure, .card { break-inside: avoid; } }
)css";

} // namespace headgate

#endif // HEADGATE_LIB_REPORTSTYLE_H
