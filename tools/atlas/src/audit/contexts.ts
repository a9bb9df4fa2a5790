import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Audited, Check, ContextAudit, ContextDeclaration, Pending, Reading } from '@atlas/context';
import type { Client } from 'pg';
import { z } from 'zod';
import { projectRoot } from '../project-root';
import { compareReports, invariantOf, reportsByFigure } from './figures';

/** A context's database, and its contribution to the audit if it has one. */
interface AuditedContext {
  readonly name: string;
  readonly database: Client;
  readonly audit: ContextAudit;
}

/** What contexts and those outside find in their own data, and between them. */
export class ContextAudits {
  private constructor(private readonly contexts: readonly AuditedContext[]) {}

  /** Loads `dist/apps/<name>/src/<name>.audit.js` of each context that has one. */
  static async load(
    declarations: readonly ContextDeclaration[],
    databases: Readonly<Record<string, Client>>,
  ): Promise<ContextAudits> {
    const contexts: AuditedContext[] = [];
    for (const { name } of declarations) {
      const database = databases[name];
      const audit = await auditOf(name);
      if (database && audit) contexts.push({ name, database, audit });
    }
    return new ContextAudits(contexts);
  }

  /** @param isMoving whether events are on their way, or wait for an operator. */
  async check(isMoving: boolean): Promise<{ checks: readonly Check[]; pending: readonly Pending[] }> {
    const inFlight = isMoving || (await this.undecided()).size > 0;
    const checks: Check[] = [];
    const pending: Pending[] = [];
    for (const { audit, database } of this.contexts) {
      const found = await audit.check({ database, inFlight, read: this.read });
      checks.push(...found.checks);
      pending.push(...(found.pending ?? []));
    }
    return { checks, pending };
  }

  /**
   * Compares the figures that several contexts report, in one snapshot of each database. Snapshots of several databases
   * fit together only if nothing is on its way between them: otherwise nothing is compared.
   * @param isStill whether nothing is on its way; called when all snapshots are taken.
   */
  async compareFigures(
    isStill: () => Promise<boolean>,
  ): Promise<{ checks: readonly Check[]; pending: Pending }> {
    const reports = reportsByFigure(
      this.contexts.map(({ name, database, audit }) => ({ name, database, figures: audit.figures ?? {} })),
    );
    const checks: Check[] = [];
    let uncompared = 0;
    try {
      for (const { database } of this.contexts) {
        await database.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
        await database.query('SELECT'); // takes the snapshot
      }
      const isComparable = await isStill();
      const undecided = await this.undecided();
      for (const [name, reported] of reports) {
        if (isComparable && !reported.some(({ context }) => undecided.has(context))) {
          checks.push(await compareReports(name, reported));
        } else {
          checks.push({ invariant: invariantOf(name, reported), checked: 0, violations: [] });
          uncompared += 1;
        }
      }
    } finally {
      for (const { database } of this.contexts) await database.query('ROLLBACK');
    }
    return {
      checks,
      pending: {
        name: 'uncomparedFigures',
        count: uncompared,
        sentence: `${uncompared} figures were not compared between contexts, because something is on its way`,
      },
    };
  }

  /** The contexts of which something is undecided. */
  private async undecided(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const { name, audit, database } of this.contexts) {
      if (await audit.isUndecided?.({ database, read: this.read })) found.add(name);
    }
    return found;
  }

  private readonly read: Audited['read'] = async (context, reading, fact, about) => {
    const { database, readings } = this.exporter(context);
    const read: Reading | undefined = readings[reading];
    if (!read) {
      const names = Object.keys(readings).join(', ') || 'none';
      throw new Error(`${context} exports no reading "${reading}" to the audit: it has ${names}`);
    }
    const facts = z.array(fact).safeParse(await read(database, about));
    if (facts.success) return facts.data;
    throw new Error(
      `The reading "${reading}" of ${context} has another shape: ${z.prettifyError(facts.error)}`,
    );
  };

  private exporter(name: string) {
    const found = this.contexts.find((context) => context.name === name);
    if (!found) throw new Error(`There is no context "${name}" for the audit to read`);
    return { database: found.database, readings: found.audit.readings ?? {} };
  }
}

async function auditOf(name: string): Promise<ContextAudit | undefined> {
  const file = join(projectRoot(), 'dist/apps', name, 'src', `${name}.audit.js`);
  if (!existsSync(file)) return undefined;
  const { audit } = (await import(file)) as { audit?: ContextAudit };
  if (!audit) throw new Error(`apps/${name}/src/${name}.audit.ts has no export "audit"`);
  return audit;
}
