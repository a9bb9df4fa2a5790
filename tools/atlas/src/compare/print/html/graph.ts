import * as dagre from '@dagrejs/dagre';
import { html, type Markup } from './markup';

export interface GraphNode {
  readonly id: string;
  /** Lines of text; none: a dot. */
  readonly lines: readonly string[];
  /** CSS classes. */
  readonly look?: string;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly lines: readonly string[];
  readonly look?: string;
}

interface Drawing {
  readonly id: string;
  /** Read aloud in place of the drawing. */
  readonly title: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** What this uses of dagre, whose own types refer to modules that TypeScript can't resolve. */
interface Layout {
  setGraph(options: object): void;
  setNode(id: string, size: object): void;
  setEdge(from: string, to: string, label: object, name: string): void;
  graph(): { readonly width?: number; readonly height?: number };
  node(id: string): Point & { readonly width: number; readonly height: number };
  edge(from: string, to: string, name: string): Partial<Point> & { readonly points: readonly Point[] };
}

const { Graph, layout } = dagre as unknown as {
  readonly Graph: new (options: { readonly multigraph: boolean }) => Layout;
  readonly layout: (graph: Layout) => void;
};

const CHARACTER = 6.9;
export const LINE = 16;
const MARGIN = 12;

/** The width of a text of 12 pixels, about. */
export const widthOf = (lines: readonly string[]): number =>
  Math.max(0, ...lines.map((line) => line.length * CHARACTER));

/** A directed graph as SVG, laid out by dagre from top to bottom. */
export function drawGraph({ id, title, nodes, edges }: Drawing): Markup {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir: 'TB',
    nodesep: 28,
    ranksep: 34,
    edgesep: 14,
    marginx: MARGIN,
    marginy: MARGIN,
  });
  for (const { id: node, lines } of nodes) {
    const isDot = lines.length === 0;
    graph.setNode(node, {
      width: isDot ? 12 : widthOf(lines) + 24,
      height: isDot ? 12 : lines.length * LINE + 14,
    });
  }
  edges.forEach(({ from, to, lines }, index) => {
    const label = { width: widthOf(lines) + 8, height: lines.length * LINE, labelpos: 'c' };
    graph.setEdge(from, to, label, String(index));
  });
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return svg(
    { id, title, width, height },
    html`${edges.map((edge, index) => {
      const { points, x, y } = graph.edge(edge.from, edge.to, String(index));
      return html`<path class="edge ${edge.look}" d="${curve(points)}" marker-end="url(#${id}-arrow)" />
        ${x !== undefined && y !== undefined && labelAt({ x, y }, edge.lines)}`;
    })}
    ${nodes.map((node) => drawNode(node, graph.node(node.id)))}`,
  );
}

/** A drawing that scales down to its column, and scrolls sideways where it would become too small to read. */
export function svg(
  { id, title, width, height }: { id: string; title: string; width: number; height: number },
  content: Markup,
): Markup {
  const [w, h] = [Math.ceil(width), Math.ceil(height)];
  return html`<div class="drawing" tabindex="0" role="group" aria-label="${title}">
    <svg
      viewBox="0 0 ${w} ${h}"
      style="max-width:${w}px;min-width:${Math.min(w, Math.round(w * 0.75))}px"
      role="img"
      aria-labelledby="${id}-title"
    >
      <title id="${id}-title">${title}</title>
      <defs>
        <marker
          id="${id}-arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto"
        >
          <path class="head" d="M0,0 L8,4 L0,8 z" />
        </marker>
      </defs>
      ${content}
    </svg>
  </div>`;
}

function drawNode(
  { lines, look }: GraphNode,
  { x, y, width, height }: Point & { width: number; height: number },
): Markup {
  if (lines.length === 0) return html`<circle class="dot" cx="${x}" cy="${y}" r="6" />`;
  return html`<g class="node ${look}">
    <rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="6" />
    ${textAt({ x, y }, lines, 'middle')}
  </g>`;
}

function labelAt({ x, y }: Point, lines: readonly string[]): Markup {
  const [width, height] = [widthOf(lines) + 6, lines.length * LINE];
  return html`<g class="label">
    <rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" />
    ${textAt({ x, y }, lines, 'middle')}
  </g>`;
}

/** Lines of text around a point. */
export function textAt({ x, y }: Point, lines: readonly string[], anchor: 'start' | 'middle'): Markup {
  const top = y - ((lines.length - 1) * LINE) / 2 + 4;
  return html`<text text-anchor="${anchor}">
    ${lines.map((line, index) => html`<tspan x="${x}" y="${top + index * LINE}">${line}</tspan>`)}
  </text>`;
}

/** Through the middles of what lies between the points, so that corners are round. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  const last = rest.at(-1);
  const middles = rest
    .slice(0, -1)
    .map((point, index) => {
      const next = rest[index + 1] as Point;
      const isLast = index === rest.length - 2;
      const end = isLast ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
      return `Q${round(point.x)},${round(point.y)} ${round(end.x)},${round(end.y)}`;
    })
    .join(' ');
  const straight = rest.length === 1 && last ? ` L${round(last.x)},${round(last.y)}` : '';
  return `M${round(first.x)},${round(first.y)} ${middles}${straight}`;
}

const round = (value: number): number => Math.round(value * 10) / 10;
