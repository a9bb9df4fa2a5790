/** The page's only style: light or dark as the reader's system is. Colours have a contrast of at least 4.5. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f6f8fa; --text: #1b1f24; --muted: #57606a; --line: #d0d7de;
  --left: #0b5cad; --right: #8f4a00; --left-soft: #e3effb; --right-soft: #fbeee0;
  --keyword: #a3174f; --string: #0a5a2b; --number: #0b5cad; --comment: #57606a; --name: #6639ba;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1419; --panel: #171d24; --text: #e6edf3; --muted: #9aa7b4; --line: #37404a;
    --left: #77b8ff; --right: #f2ab65; --left-soft: #12283f; --right-soft: #38260f;
    --keyword: #ff8fb8; --string: #86d6a0; --number: #77b8ff; --comment: #9aa7b4; --name: #c8a8ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 1320px; margin: 0 auto; padding: 0 20px; }
h1 { font-size: 26px; margin: 24px 0 8px; }
h2 { font-size: 19px; margin: 40px 0 2px; }
h1 .left, .sides .left, .cell.left .name { color: var(--left); }
h1 .right, .sides .right, .cell.right .name { color: var(--right); }
p { margin: 4px 0; }
.muted, .says, .more, figcaption, .label-of, .place { color: var(--muted); }
a { color: var(--left); }
:focus-visible { outline: 3px solid var(--left); outline-offset: 2px; border-radius: 3px; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0; margin: 12px 0; list-style: none; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 24px; }
.sides { position: sticky; top: 0; z-index: 1; background: var(--page); border-bottom: 2px solid var(--line);
  font-weight: 600; padding: 6px 10px 6px 30px; }
.reasons { padding-left: 20px; }
.reasons li { margin: 6px 0; }
.row { border-bottom: 1px solid var(--line); }
.row > summary { padding: 8px 10px 8px 30px; cursor: pointer; position: relative; list-style: none; }
.row > summary::-webkit-details-marker { display: none; }
.row > summary::before { content: '▸'; position: absolute; left: 10px; color: var(--muted); }
.row[open] > summary::before { content: '▾'; }
.row > summary:hover, .fold > summary:hover { background: var(--panel); }
.plain { padding: 8px 10px 8px 30px; }
.cell { display: block; min-width: 0; overflow-wrap: anywhere; }
.name { font-weight: 600; display: block; }
.says, .aspect, .why { display: block; }
.label-of { font-size: 13px; }
.line { display: block; padding-left: 14px; text-indent: -14px; }
.line.common { color: var(--muted); }
.why { border-left: 3px solid currentColor; padding-left: 8px; margin: 4px 0; }
.cell.left .why { border-color: var(--left); } .cell.right .why { border-color: var(--right); }
.nothing { color: var(--muted); }
.fold { border-bottom: 1px solid var(--line); }
.fold > summary { padding: 8px 10px; cursor: pointer; color: var(--muted); }
.fold > div { padding-left: 12px; }
figure { margin: 0 0 10px; min-width: 0; }
figcaption { font-size: 13px; overflow-wrap: anywhere; }
pre { margin: 2px 0 0; padding: 10px; background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  overflow: auto; max-height: 70vh; font: 13px/1.45 ui-monospace, monospace; tab-size: 2; }
.code { padding: 4px 10px 6px 30px; }
.drawing { overflow-x: auto; padding: 8px 0; }
svg { display: block; width: 100%; height: auto; margin: 0 auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--text); } svg .faint text { fill: var(--muted); }
.node rect { fill: var(--panel); stroke: var(--line); }
.node.state rect, .node.end rect { stroke: var(--muted); } .node.end rect { stroke-width: 3; }
.node.outside rect { stroke-dasharray: 4 3; }
.node.left rect, .core.left { fill: var(--left-soft); stroke: var(--left); stroke-width: 2; }
.node.right rect, .core.right { fill: var(--right-soft); stroke: var(--right); stroke-width: 2; }
.edge, .wire { fill: none; stroke: var(--muted); stroke-width: 1.2; } .edge.call { stroke-dasharray: 5 4; }
.head, .dot { fill: var(--muted); } .label rect { fill: var(--page); }
.hljs-keyword, .hljs-literal, .hljs-operator { color: var(--keyword); }
.hljs-string, .hljs-regexp, .hljs-attr { color: var(--string); }
.hljs-number, .hljs-type, .hljs-built_in { color: var(--number); }
.hljs-comment, .hljs-meta { color: var(--comment); }
.hljs-title, .hljs-title.class_, .hljs-title.function_ { color: var(--name); }
footer { padding: 32px 20px; }
@media (max-width: 760px) {
  .pair { grid-template-columns: minmax(0, 1fr); gap: 8px; }
  .sides { display: none; }
  .cell.left::before { content: attr(data-context); color: var(--left); font-size: 13px; }
  .cell.right::before { content: attr(data-context); color: var(--right); font-size: 13px; }
  .cell.empty { display: none; }
  header, main, footer { padding: 0 12px; }
  h1 { font-size: 22px; }
}
@media print { .sides { position: static; } pre { max-height: none; } }
`;
