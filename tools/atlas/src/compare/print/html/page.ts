import { type Aspect, type Comparison, countsOf, type Row, type Section } from '../../comparison';
import type { ContextModel, Source, Why } from '../../model/model';
import type { Workspace } from '../../model/workspace';
import { codeOf } from './code';
import { contextMap, hexagon, stateMachine } from './diagrams';
import { inline } from '../inline';
import { html, Markup } from './markup';
import { STYLE } from './style';

type Side = 'left' | 'right';
const SIDES: readonly Side[] = ['left', 'right'];

/**
 * A comparison as one page that needs nothing else: no script, no other file.
 * @param models all contexts, for the map.
 * @param workspace the code of both.
 */
export function printHtml(
  comparison: Comparison,
  models: readonly ContextModel[],
  workspace: Workspace,
): string {
  return new Page(comparison, models, workspace).text;
}

class Page {
  constructor(
    private readonly comparison: Comparison,
    private readonly models: readonly ContextModel[],
    private readonly workspace: Workspace,
  ) {}

  get text(): string {
    const { left, right, sections } = this.comparison;
    const { same, all } = countsOf(this.comparison);
    const page = html`<html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${left.name} and ${right.name} compared</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1><span class="left">${left.name}</span> and <span class="right">${right.name}</span></h1>
          <div class="pair">${SIDES.map((side) => html`<p>${this.comparison[side].description}</p>`)}</div>
          <nav aria-label="Sections">
            <ul>
              <li><a href="#map">Map</a></li>
              ${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
            </ul>
          </nav>
        </header>
        <main>
          ${this.reasons}
          <section aria-labelledby="map">
            <h2 id="map">Who listens to whom</h2>
            <p class="muted">Solid: events. Dashed: calls to something outside.</p>
            ${contextMap(this.models, [left.name, right.name])}
          </section>
          <section aria-labelledby="hexagons">
            <h2 id="hexagons">Hexagons</h2>
            <p class="muted">
              Left, what drives it; right, its ports and what serves them, first in production.
            </p>
            <div class="pair">${hexagon(left, 'left')} ${hexagon(right, 'right')}</div>
          </section>
          <div class="pair sides" aria-hidden="true">
            <span class="left">${left.name}</span><span class="right">${right.name}</span>
          </div>
          ${sections.map((section) => this.section(section))}
        </main>
        <footer class="muted">
          ${same} of ${all} things are the same. Read from the code by
          <code>npx atlas compare ${left.name} ${right.name} --html</code>.
        </footer>
      </body>
    </html>`;
    return `<!doctype html>\n${page.text}\n`;
  }

  private get reasons(): Markup {
    const { reasons } = this.comparison;
    if (reasons.length === 0) return html``;
    return html`<section aria-labelledby="reasons">
      <h2 id="reasons">What differs for a reason</h2>
      <ul class="reasons">
        ${reasons.map(
          ({ context, of, why }) => html`<li><strong>${context}, ${of}:</strong> ${this.why(why)}</li>`,
        )}
      </ul>
    </section>`;
  }

  private section({ id, title, says, rows }: Section): Markup {
    const alike = rows.filter(({ verdict }) => verdict === 'same');
    return html`<section aria-labelledby="${id}">
      <h2 id="${id}">${title}</h2>
      <p class="muted">${says}</p>
      ${id === 'aggregates' && this.stateMachines}
      ${rows.filter(({ verdict }) => verdict !== 'same').map((row) => this.row(row))}
      ${
        alike.length > 0 &&
        html`<details class="fold">
          <summary>${alike.length} the same: ${alike.map(({ left }) => left?.name ?? '').join(', ')}</summary>
          <div>${alike.map((row) => this.row(row))}</div>
        </details>`
      }
    </section>`;
  }

  private get stateMachines(): Markup {
    const [left = [], right = []] = SIDES.map((side) => {
      const { name, aggregates } = this.comparison[side];
      return aggregates.flatMap((aggregate) => stateMachine(name, aggregate) ?? []);
    });
    if (left.length + right.length === 0) return html``;
    return html`<div class="pair">
      <div>${left}</div>
      <div>${right}</div>
    </div>`;
  }

  private row(row: Row): Markup {
    const cells = html`${SIDES.map((side) => this.cell(row, side))}`;
    const sources = SIDES.map((side) => row[side]?.source);
    if (sources.every((source) => source === undefined))
      return html`<div class="row plain pair">${cells}</div>`;
    return html`<details class="row">
      <summary class="pair">${cells}</summary>
      <div class="pair code">${sources.map((source) => this.code(source))}</div>
    </details>`;
  }

  private code(source: Source | undefined): Markup {
    return source ? codeOf(this.workspace, source) : html`<div></div>`;
  }

  private cell(row: Row, side: Side): Markup {
    const cell = row[side];
    const context = this.comparison[side].name;
    if (!cell) {
      return html`<span class="cell ${side} empty"><span class="nothing">–</span></span>`;
    }
    const isAlone = row.verdict === side;
    return html`<span class="cell ${side}" data-context="${context}">
      <span class="name">${cell.name}</span>
      ${cell.says !== undefined && html`<span class="says">${cell.says}</span>`}
      ${row.aspects.map((aspect) => aspectOf(aspect, side, isAlone, row.verdict === 'same'))}
      ${cell.why && html`<span class="why">Why: ${this.why(cell.why)}</span>`}
    </span>`;
  }

  /** With the titles of the decision records that it names. */
  private why({ text, adrs }: Why): Markup {
    const titled = adrs.reduce(
      (said, { number, title }) => said.replace(new RegExp(`ADR ${number}\\b`), `ADR ${number}, “${title}”`),
      text,
    );
    return html`${titled}`;
  }
}

/** What both have is faint, and counted if it is much. */
function aspectOf(aspect: Aspect, side: Side, isAlone: boolean, isSame: boolean): Markup {
  const { label, common, same } = aspect;
  const own = aspect[side];
  if (same && !isSame && !isAlone) return html``;
  if (own.length + common.length === 0) {
    return isAlone ? html`` : html`<span class="aspect"><span class="label-of">${label}:</span> –</span>`;
  }
  const shared = isSame ? common : common.length > 0 ? [`${common.length} the same`] : [];
  const text = inline([...own, ...shared]);
  const heading = label !== '' && html`<span class="label-of">${label}:</span>`;
  if (text !== undefined) return html`<span class="aspect">${heading} ${text}</span>`;
  return html`<span class="aspect">
    ${heading} ${own.map((line) => html`<span class="line">${line}</span>`)}
    ${shared.map((line) => html`<span class="line common">${line}</span>`)}
  </span>`;
}
