import type { Aggregate, ContextModel } from '../../model/model';
import { durationOf } from '../../sections';
import { drawGraph, type GraphEdge, LINE, svg, textAt, widthOf } from './graph';
import { html, type Markup } from './markup';

/** The life cycle of an aggregate; undefined for one that has none. */
export function stateMachine(context: string, { name, states, transitions }: Aggregate): Markup | undefined {
  if (states.length === 0) return undefined;
  const START = '(new)';
  const moves = transitions.filter(({ from, to }) => from !== to);
  const byWay = Map.groupBy(moves, ({ from, to }) => `${from ?? START} ${to}`);
  return drawGraph({
    id: `states-${context}-${name}`,
    title: `${name} of ${context}: its states and what moves it between them`,
    nodes: [
      { id: START, lines: [] },
      ...states.map((state) => ({
        id: state.name,
        lines: [state.name],
        look: state.isEnd ? 'end' : 'state',
      })),
    ],
    edges: [...byWay.values()].map((way): GraphEdge => {
      const [{ from = START, to } = { to: '' }] = way;
      return { from, to, lines: [...new Set(way.map(({ by }) => by))] };
    }),
  });
}

/** Who listens to whom. @param chosen the contexts that stand out. */
export function contextMap(models: readonly ContextModel[], chosen: readonly string[]): Markup {
  const names = new Set(models.map(({ name }) => name));
  const events = models.flatMap((model): readonly GraphEdge[] =>
    [...Map.groupBy(model.eventsIn, ({ producer }) => producer)]
      .filter(([producer]) => names.has(producer))
      .map(([producer, heard]) => ({
        from: producer,
        to: model.name,
        lines: heard.map(({ type }) => type.slice(type.indexOf('.') + 1)),
      })),
  );
  const calls = models.flatMap(({ name, callsOutside }) =>
    callsOutside
      .filter((each) => names.has(each))
      .map((each): GraphEdge => ({ from: name, to: each, lines: ['HTTP'], look: 'call' })),
  );
  return drawGraph({
    id: 'context-map',
    title:
      'Context map: an arrow leads from the publisher of an event to its consumer, a dashed one to whatever is called',
    nodes: models.map(({ name, kind }) => ({
      id: name,
      lines: [name],
      look: `${kind}${chosen.indexOf(name) === 0 ? ' left' : chosen.indexOf(name) === 1 ? ' right' : ''}`,
    })),
    edges: [...events, ...calls],
  });
}

interface Box {
  /** On the line between the box and the core. */
  readonly port?: string;
  readonly lines: readonly string[];
  readonly faint?: readonly string[];
}

const CORE = 190;
const GAP = 26;
const SPACE = 14;

/** A context as a hexagon: what drives it on the left, what it needs and what serves that on the right. */
export function hexagon(model: ContextModel, side: 'left' | 'right'): Markup {
  const driving = drivingOf(model);
  const driven = drivenOf(model);
  const heightOf = ({ lines, faint = [] }: Box) => (lines.length + faint.length) * LINE + 12;
  const columnHeight = (boxes: readonly Box[]) =>
    boxes.reduce((sum, box) => sum + heightOf(box) + SPACE, -SPACE);
  const boxWidth = (boxes: readonly Box[]) =>
    widthOf(boxes.flatMap(({ lines, faint = [] }) => [...lines, ...faint])) + 18;
  const height = Math.max(columnHeight(driving), columnHeight(driven), 190) + 24;
  const [leftWidth, rightWidth] = [boxWidth(driving), boxWidth(driven)];
  const coreX = leftWidth + GAP + 10;
  const width = coreX + CORE + GAP + rightWidth + 10;
  const middle = height / 2;

  const column = (boxes: readonly Box[], x: number, w: number, isLeft: boolean) => {
    let y = (height - columnHeight(boxes)) / 2;
    return boxes.map((box) => {
      const h = heightOf(box);
      const center = y + h / 2;
      y += h + SPACE;
      const edge = isLeft ? x + w : x;
      const core = isLeft ? coreX : coreX + CORE;
      const slope = Math.max(-70, Math.min(70, center - middle));
      const inset = (Math.abs(slope) / 95) * 40;
      const port = { x: isLeft ? core + inset : core - inset, y: middle + slope };
      const { lines, faint = [] } = box;
      const top = center - h / 2 + 6;
      return html`<line class="wire" x1="${edge}" y1="${center}" x2="${port.x}" y2="${port.y}" />
        <circle class="dot" cx="${port.x}" cy="${port.y}" r="4" />
        <g class="node adapter">
          <rect x="${x}" y="${center - h / 2}" width="${w}" height="${h}" rx="4" />
          ${textAt({ x: x + 9, y: top + (lines.length * LINE) / 2 }, lines, 'start')}
          ${
            faint.length > 0 &&
            html`<g class="faint"
              >${textAt({ x: x + 9, y: top + lines.length * LINE + (faint.length * LINE) / 2 }, faint, 'start')}</g
            >`
          }
        </g>`;
    });
  };
  const points = [
    [coreX, middle],
    [coreX + 40, middle - 95],
    [coreX + CORE - 40, middle - 95],
    [coreX + CORE, middle],
    [coreX + CORE - 40, middle + 95],
    [coreX + 40, middle + 95],
  ];
  return svg(
    {
      id: `hexagon-${model.name}`,
      title: `${model.name} as a hexagon: what drives it, its core, and what its ports are served by`,
      width,
      height,
    },
    html`<polygon class="core ${side}" points="${points.map(([x, y]) => `${x},${y}`).join(' ')}" />
      ${textAt({ x: coreX + CORE / 2, y: middle }, coreOf(model), 'middle')}
      ${column(driving, 4, leftWidth, true)} ${column(driven, coreX + CORE + GAP, rightWidth, false)}`,
  );
}

function coreOf({ name, aggregates, commands, queries }: ContextModel): readonly string[] {
  return [
    name,
    ...aggregates.map((each) => each.name).slice(0, 4),
    `${commands.length} commands`,
    `${queries.length} queries`,
  ];
}

function drivingOf({ routes, eventsIn, jobs }: ContextModel): readonly Box[] {
  const producers = [...Map.groupBy(eventsIn, ({ producer }) => producer)];
  return [
    ...(routes.length > 0 ? [{ lines: [`HTTP: ${routes.length} routes`] }] : []),
    ...producers.map(([producer, heard]) => ({
      lines: [`${producer}.events: ${heard.length}`],
    })),
    ...jobs.map(({ name, everyMs }) => ({ lines: [name], faint: [`every ${durationOf(everyMs)}`] })),
  ];
}

function drivenOf({ ports, eventsOut, topics }: ContextModel): readonly Box[] {
  return [
    ...ports.map(({ name, adapters }) => ({
      lines: [name],
      faint: adapters.map((each) => `${each.name}${each.isServed ? '' : ', in tests'}`),
    })),
    ...(topics.publishes === undefined
      ? []
      : [{ lines: ['Outbox'], faint: [`${topics.publishes}: ${eventsOut.length}`] }]),
  ];
}
