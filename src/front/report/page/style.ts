/** The page's style. A tile's text has a contrast of 4.5 or more on each of the colours, in light and in dark. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f4f5f7; --ink: #1b1f24; --quiet: #57606a; --line: #c4cad1; --accent: #0a5bc4; --on-accent: #ffffff;
  --heat0: #eef1e6; --on-heat0: #1b1f24;
  --heat1: #fbe9b0; --on-heat1: #1b1f24;
  --heat2: #f8cb74; --on-heat2: #1b1f24;
  --heat3: #f0a04b; --on-heat3: #1b1f24;
  --heat4: #c04a1c; --on-heat4: #ffffff;
  --heat5: #86171c; --on-heat5: #ffffff;
  --unknown: #e3e6ea; --on-unknown: #1b1f24;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --panel: #1e2329; --ink: #e8ebee; --quiet: #a3adb8; --line: #454d57; --accent: #74b0ff; --on-accent: #0c1116;
    --heat0: #27323a; --on-heat0: #e8ebee;
    --heat1: #423d28; --on-heat1: #f3eeda;
    --heat2: #624a15; --on-heat2: #fbf3df;
    --heat3: #85500a; --on-heat3: #ffffff;
    --heat4: #a8400f; --on-heat4: #ffffff;
    --heat5: #cb2b26; --on-heat5: #ffffff;
    --unknown: #333a42; --on-unknown: #e8ebee;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0 auto; padding: 1rem 1.25rem 4rem; max-width: 90rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0.5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; }
h3 { font-size: 1.05rem; margin: 0 0 0.5rem; overflow-wrap: anywhere; }
p { margin: 0.5rem 0; max-width: 60rem; }
.answers { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; margin: 0.75rem 0; }
.answers dt { font-weight: 600; }
.answers dd { margin: 0; overflow-wrap: anywhere; }
.quiet, .hint { color: var(--quiet); font-weight: normal; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.75rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td.text, th.text, .updates th { text-align: left; overflow-wrap: anywhere; }
.updates thead th { overflow-wrap: normal; }
.updates thead th:not(:first-child) { text-align: right; }
.layers { width: 100%; }
.layers td.text, .details .text, .moved .text { min-width: 11rem; }
.moved td, .details td, .updates td { white-space: nowrap; }
.details .refs { white-space: normal; }
.layers td:nth-child(2), .layers td:nth-child(3) { white-space: nowrap; }
.bar { min-width: 6rem; width: 14rem; }
meter { width: 100%; }
meter::-webkit-meter-bar { border: 0; height: 0.6rem; background: var(--line); }
meter::-webkit-meter-optimum-value { background: var(--accent); }
meter::-moz-meter-bar { background: var(--accent); }
.controls { display: flex; flex-wrap: wrap; gap: 0.75rem 1.5rem; margin: 0.75rem 0; }
select { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--quiet); border-radius: 0.3rem; padding: 0.25rem 0.5rem; max-width: 100%; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; list-style: none; margin: 0.25rem 0; padding: 0; }
.swatch { display: inline-block; width: 1.1em; height: 1.1em; margin-right: 0.4em; vertical-align: -0.2em; border: 1px solid var(--quiet); border-radius: 0.15rem; }
.heat0 { background: var(--heat0); color: var(--on-heat0); }
.heat1 { background: var(--heat1); color: var(--on-heat1); }
.heat2 { background: var(--heat2); color: var(--on-heat2); }
.heat3 { background: var(--heat3); color: var(--on-heat3); }
.heat4 { background: var(--heat4); color: var(--on-heat4); }
.heat5 { background: var(--heat5); color: var(--on-heat5); }
.unknown { background: var(--unknown); color: var(--on-unknown); border-style: dashed; }
.heat0, .heat1, .heat2, .heat3, .heat4, .heat5, .unknown { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.maps { display: grid; gap: 1rem; margin: 0.75rem 0; }
.view { margin: 0; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: 0.25rem; overflow-wrap: anywhere; }
.map { position: relative; width: 100%; aspect-ratio: 1000 / 560; max-height: 75vh; margin: 0; padding: 0; list-style: none; }
.cell { position: absolute; padding: 1px; container-type: size; }
.tile { position: relative; display: block; width: 100%; height: 100%; margin: 0; padding: 0; border: 1px solid var(--quiet); border-radius: 0.2rem; font: inherit; font-size: 0.8rem; line-height: 1.3; text-align: left; overflow: hidden; cursor: pointer; }
.tile .text { position: absolute; inset: 0.2rem 0.35rem; overflow: hidden; }
.tile .name { font-weight: 600; overflow-wrap: anywhere; }
.tile .facts { display: block; }
.tile:hover { border-color: var(--ink); }
.tile[aria-expanded="true"] { border: 2px solid var(--ink); box-shadow: inset 0 0 0 2px var(--page); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.badge { position: absolute; right: 0; bottom: 0; padding: 0 0.35rem; border-top-left-radius: 0.3rem; background: var(--ink); color: var(--page); font-size: 0.75rem; white-space: nowrap; }
@container (max-height: 3.5rem) { .tile .facts { display: none; } }
@container (max-width: 5rem) { .tile .name, .tile .facts { display: none; } }
@container (max-width: 2rem) or (max-height: 1.5rem) { .tile .text, .tile .badge { display: none; } }
.tip { display: none; position: absolute; z-index: 2; width: max-content; max-width: min(16rem, 42vw); padding: 0.3rem 0.5rem; border: 1px solid var(--quiet); border-radius: 0.3rem; background: var(--page); color: var(--ink); font-size: 0.8rem; line-height: 1.3; overflow-wrap: anywhere; pointer-events: none; }
.tip .name { font-weight: 600; }
.tip .facts { display: block; }
.tip.below { top: 100%; }
.tip.above { bottom: 100%; }
.tip.right { left: 0; }
.tip.left { right: 0; }
.cell:hover, .cell:focus-within { z-index: 2; }
@container (max-width: 9rem) or (max-height: 5rem) { .tile:hover + .tip, .tile:focus-visible + .tip { display: block; } }
.tile.still { border-style: dotted; }
.details, .moved { margin: 1rem 0; padding: 0.75rem 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 0.4rem; overflow-x: auto; }
.details table, .moved table { width: 100%; }
.refs { text-align: left; padding: 0.25rem 0.75rem 0.75rem 2rem; }
.refs h4 { margin: 0.5rem 0 0.25rem; font-size: 0.95rem; }
.refs ul { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; }
.link { font: inherit; color: var(--accent); background: none; border: 0; padding: 0.1rem 0.15rem; text-align: left; text-decoration: underline; cursor: pointer; overflow-wrap: anywhere; }
.link[aria-expanded]::before { content: "\\25b8\\00a0"; }
.link[aria-expanded="true"]::before { content: "\\25be\\00a0"; }
.table { margin: 1rem 0; overflow-x: auto; }
summary { cursor: pointer; font-weight: 600; padding: 0.25rem 0; }
@media (min-width: 60rem) { .maps.two { grid-template-columns: 1fr 1fr; } }
@media (max-width: 40rem) {
  body { padding: 0.75rem 0.75rem 3rem; }
  th, td { padding: 0.25rem 0.4rem; }
  .bar { display: none; }
  .answers { grid-template-columns: 1fr; gap: 0; }
  .answers dd { margin-bottom: 0.5rem; }
  .map { aspect-ratio: 1 / 1; }
  .tile { font-size: 0.7rem; }
}
@media print {
  :root { --page: #ffffff; --panel: #ffffff; --ink: #000000; --quiet: #444444; --line: #999999; --accent: #000000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .controls, .hint, .screen, .tip { display: none !important; }
  .map { max-height: none; break-inside: avoid; }
  .details, .moved, .table { overflow: visible; border: 0; padding: 0; }
  tr { break-inside: avoid; }
  .link { text-decoration: none; }
}
`;
