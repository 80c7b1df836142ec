// The style of a report: light and dark as the reader's system has it, one column on a phone.
#include "samples/horizon/report_page.h"

namespace horizon {

const char kReportStyle[] = R"css(
:root {
  --page: #f5f6f8; --card: #ffffff; --ink: #1b1f27; --soft: #5c6572; --line: #e1e4ea; --grid: #eceef2; --accent: #2563eb;
  --good: #15803d; --good-back: #dcf5e4; --warn: #a15c07; --warn-back: #fdf1d7; --bad: #c01c28; --bad-back: #fde4e4;
  --c0: #2563eb; --c1: #e0701a; --c2: #0f9d76; --c3: #a23bc6; --c4: #c9a20a; --c5: #d6336c; --c6: #5b6ee1; --c7: #6b7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1217; --card: #181c23; --ink: #e6e9ef; --soft: #98a2b3; --line: #2a303a; --grid: #232932; --accent: #6ea8fe;
    --good: #6fdc96; --good-back: #12341f; --warn: #f2c46d; --warn-back: #3a2b0c; --bad: #ff8a8a; --bad-back: #431a1d;
    --c0: #6ea8fe; --c1: #ff9f5a; --c2: #3fd0a4; --c3: #d28bf0; --c4: #e6c84f; --c5: #ff7aa8; --c6: #98a5ff; --c7: #98a2b3;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1200px; margin: 0 auto; padding: 28px 20px 40px; }
header { display: flex; gap: 16px; align-items: flex-start; justify-content: space-between; margin-bottom: 18px; }
header > div { min-width: 0; }
h1 { font-size: 26px; line-height: 1.2; margin: 0; overflow-wrap: anywhere; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 0 0 4px; }
h3 { font-size: 14px; margin: 20px 0 8px; }
.sub { color: var(--soft); margin: 4px 0 0; overflow-wrap: anywhere; }
.outcome { flex: none; padding: 4px 12px; border-radius: 99px; font-size: 13px; font-weight: 600; margin-top: 2px; }
.outcome.finished { color: var(--good); background: var(--good-back); }
.outcome.interrupted { color: var(--warn); background: var(--warn-back); }
.outcome.failed { color: var(--bad); background: var(--bad-back); }
.remark { margin: 0 0 10px; padding: 10px 14px; border-radius: 10px; color: var(--warn); background: var(--warn-back); overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 12px; margin: 18px 0; }
.tile, .card, .chart { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 12px 16px; min-width: 0; }
.tile .label { color: var(--soft); font-size: 13px; }
.tile .value { font-size: 22px; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.tile .note { color: var(--soft); font-size: 12.5px; }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; }
.chart { padding: 14px 16px 10px; position: relative; min-width: 0; }
.chart.wide, .chart:nth-child(odd):last-child { grid-column: 1 / -1; }
.chart .top { display: flex; gap: 4px 14px; flex-wrap: wrap; align-items: center; padding-right: 52px; min-height: 26px; }
.chart h2 { font-size: 14.5px; margin: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 12px; font-size: 12.5px; color: var(--soft); }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; vertical-align: middle; margin-right: 6px; }
.chart button { position: absolute; top: 13px; right: 14px; font: inherit; font-size: 12px; color: var(--soft); background: none; border: 1px solid var(--line);
  border-radius: 7px; padding: 2px 9px; cursor: pointer; }
.chart button[aria-pressed="true"] { color: var(--accent); border-color: var(--accent); }
.chart svg { display: block; width: 100%; margin-top: 6px; touch-action: pan-y; cursor: crosshair; border-radius: 6px; }
.chart svg:focus-visible, button:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.chart svg text { fill: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); } .axis { stroke: var(--line); } .cursor { stroke: var(--soft); stroke-dasharray: 3 3; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; }
.line.faint { opacity: 0.38; stroke-width: 1; }
.trend { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
.odd { stroke: var(--bad); fill: none; stroke-width: 1.8; } .skip { stroke: var(--c4); stroke-width: 2; }
.tip { position: absolute; pointer-events: none; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 6px 10px; font-size: 12.5px;
  box-shadow: 0 4px 16px rgb(0 0 0 / 0.16); font-variant-numeric: tabular-nums; white-space: nowrap; z-index: 2; }
.tip i { display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 7px; }
.tip b { font-weight: 600; } .tip div { color: var(--soft); } .tip div b { color: var(--ink); margin-left: 8px; }
.card { padding: 18px 20px; margin-top: 14px; min-width: 0; }
.halves { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 32px; align-items: start; }
.flow { columns: 2; column-gap: 32px; } .flow details { break-inside: avoid; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-top: 1px solid var(--grid); vertical-align: top; font-weight: 400; }
tr:first-child > * { border-top: 0; }
th { color: var(--soft); white-space: nowrap; }
td { overflow-wrap: anywhere; } td.note { color: var(--soft); text-align: right; padding-right: 0; white-space: nowrap; }
table.columns td { white-space: nowrap; }
details { border-top: 1px solid var(--line); padding: 8px 0; } summary { cursor: pointer; font-weight: 600; font-size: 14px; padding: 2px 0; }
details > .scroll { margin: 4px 0 6px; }
pre { background: var(--page); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; font-size: 12.5px; white-space: pre-wrap; overflow-wrap: anywhere; margin: 8px 0 14px; }
.timeline { display: grid; grid-template-columns: auto minmax(0, 1fr) auto; gap: 5px 10px; align-items: center; margin-top: 14px; font-size: 13px; }
.timeline svg { width: 100%; height: 20px; background: var(--page); border-radius: 4px; display: block; }
.timeline .share { text-align: right; font-variant-numeric: tabular-nums; } .timeline .lane, .timeline .scale { color: var(--soft); }
.timeline .scale { display: flex; justify-content: space-between; font-size: 12px; }
.timeline svg:nth-of-type(1) { fill: var(--c0); } .timeline svg:nth-of-type(2) { fill: var(--c1); } .timeline svg:nth-of-type(3) { fill: var(--c2); }
.timeline svg:nth-of-type(4) { fill: var(--c3); } .timeline svg:nth-of-type(n+5) { fill: var(--c7); }
.bar { display: flex; gap: 1px; height: 18px; border-radius: 5px; overflow: hidden; background: var(--card); } .bar span { min-width: 1px; }
.parts { list-style: none; margin: 10px 0 4px; padding: 0; font-size: 13px; }
.parts li { display: grid; grid-template-columns: 10px minmax(0, 1fr) auto 52px; gap: 9px; align-items: baseline; padding: 1px 0; }
.parts i { width: 10px; height: 10px; border-radius: 3px; align-self: center; } .parts b { font-weight: 500; font-variant-numeric: tabular-nums; }
.parts em { font-style: normal; color: var(--soft); text-align: right; font-variant-numeric: tabular-nums; }
.bar span, .parts i { background: var(--c7); }
.bar :nth-child(1), .parts :nth-child(1) > i { background: var(--c0); } .bar :nth-child(2), .parts :nth-child(2) > i { background: var(--c1); }
.bar :nth-child(3), .parts :nth-child(3) > i { background: var(--c2); } .bar :nth-child(4), .parts :nth-child(4) > i { background: var(--c3); }
.bar :nth-child(5), .parts :nth-child(5) > i { background: var(--c4); } .bar :nth-child(6), .parts :nth-child(6) > i { background: var(--c5); }
.bar :nth-child(7), .parts :nth-child(7) > i { background: var(--c6); }
footer { color: var(--soft); font-size: 12.5px; margin-top: 24px; }
@media (max-width: 760px) {
  main { padding: 18px 12px 28px; } h1 { font-size: 21px; }
  .charts, .halves { grid-template-columns: minmax(0, 1fr); } .flow { columns: 1; } .chart { padding: 12px 12px 8px; } .card { padding: 14px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; } .tile .value { font-size: 19px; } .tile { padding: 10px 12px; }
}
@media print { body { background: #fff; } .chart, .card, .tile { break-inside: avoid; } .chart button { display: none; } }
)css";

}  // namespace horizon
