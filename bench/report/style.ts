/** The style sheet of a report: one column, two colours of paper, numbers that line up. No fonts or pictures from elsewhere. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f6f7f9; --ink: #1c2330; --muted: #667085; --grid: #e4e7ec;
  --dense: #8a94a6; --skim: #2f6fd6; --exit: #d97b1e; --both: #0f8a6d; --worst: #b54848;
  --counted: #b9c6dc; --measured: #0f8a6d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161d; --panel: #1a2029; --ink: #e7ebf2; --muted: #98a2b3; --grid: #2a323e;
    --dense: #8a94a6; --skim: #6fa3f5; --exit: #eda452; --both: #37c09c; --worst: #e07a7a;
    --counted: #4a5870; --measured: #37c09c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
main { max-width: 1120px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 19px; line-height: 1.3; margin: 0 0 4px; letter-spacing: -0.005em; }
.subtitle, .lead { color: var(--muted); margin: 0; max-width: 78ch; }
.lead { margin-bottom: 18px; }
section { margin-top: 52px; }
.note { border-left: 3px solid var(--exit); padding: 8px 14px; background: var(--panel); margin: 18px 0 0; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin: 28px 0 0; padding: 0; }
.tile { background: var(--panel); border-radius: 8px; padding: 16px 18px; }
.tile dt { color: var(--muted); font-size: 13px; }
.tile dd { margin: 0; }
.tile .value { font-size: 30px; line-height: 1.25; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tile .detail { color: var(--muted); font-size: 13px; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 32px; }
.pair > * { min-width: 0; }
figure { margin: 0 0 8px; }
figcaption { color: var(--muted); font-size: 13px; margin-top: 6px; max-width: 78ch; }
svg { display: block; max-width: 100%; height: auto; }
.narrow { display: none; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; margin: 0 0 22px; }
th, td { padding: 7px 0 7px 14px; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th:first-child { padding-left: 0; text-align: left; font-weight: 500; }
thead th { color: var(--muted); font-weight: 500; font-size: 13px; vertical-align: bottom; }
tr.strong th, tr.strong td { font-weight: 650; }
tr.quiet th, tr.quiet td { color: var(--muted); }
details { margin-top: 14px; }
summary { cursor: pointer; color: var(--muted); }
details[open] summary { margin-bottom: 12px; }
.example { display: grid; grid-template-columns: minmax(0, 1fr) 524px; gap: 32px; padding: 18px 0; border-top: 1px solid var(--grid); align-items: start; }
.example p { margin: 0; }
.words { font-size: 16px; line-height: 1.9; }
.words span { padding: 2px 3px; border-radius: 3px; }
.verdict { color: var(--muted); font-size: 13px; margin-bottom: 6px !important; }
footer { margin-top: 56px; padding-top: 18px; border-top: 1px solid var(--grid); color: var(--muted); font-size: 13px; }
footer p { margin: 0 0 6px; max-width: 100ch; }
@media (max-width: 900px) {
  main { padding: 28px 20px 48px; }
  .wide { display: none; }
  .narrow { display: block; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
  .tile { padding: 12px 14px; }
  .tile .value { font-size: 25px; }
  .pair, .example { grid-template-columns: minmax(0, 1fr); gap: 20px; }
  table, tbody, tr, th, td { display: block; }
  thead { display: none; }
  tr { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); column-gap: 18px; padding: 12px 0; border-bottom: 1px solid var(--grid); }
  tr th:first-child { grid-column: 1 / -1; font-weight: 600; padding: 0 0 4px; border: 0; white-space: normal; }
  td { border: 0; padding: 2px 0; overflow-wrap: normal; display: flex; justify-content: space-between; gap: 8px; white-space: normal; }
  td::before { content: attr(data-label); color: var(--muted); font-weight: 400; }
}
`;
