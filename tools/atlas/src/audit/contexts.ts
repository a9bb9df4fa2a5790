import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Audited, Check, ContextAudit, ContextDeclaration, Pending, Reading } from '@atlas/context';
import type { Client } from 'pg';
import { z } from 'zod';
import { projectRoot } from '../project-root';

/** A context's database, and its contribution to the audit if it has one. */
interface AuditedContext {
  readonly name: string;
  readonly database: Client;
  readonly audit: ContextAudit | undefined;
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
      if (database) contexts.push({ name, database, audit: await auditOf(name) });
    }
    return new ContextAudits(contexts);
  }

  /** @param isMoving whether events are on their way, or wait for an operator. */
  async check(isMoving: boolean): Promise<{ checks: readonly Check[]; pending: readonly Pending[] }> {
    let inFlight = isMoving;
    for (const { audit, database } of this.contexts) {
      inFlight ||= (await audit?.isUndecided?.(database)) ?? false;
    }
    const checks: Check[] = [];
    const pending: Pending[] = [];
    for (const { audit, database } of this.contexts) {
      const found = await audit?.check({ database, inFlight, read: this.read });
      checks.push(...(found?.checks ?? []));
      pending.push(...(found?.pending ?? []));
    }
    return { checks, pending };
  }

  private readonly read: Audited['read'] = async (context, reading, fact, ids) => {
    const { database, readings } = this.exporter(context);
    const read: Reading | undefined = readings[reading];
    if (!read) {
      const names = Object.keys(readings).join(', ') || 'none';
      throw new Error(`${context} exports no reading "${reading}" to the audit: it has ${names}`);
    }
    const facts = z.array(fact).safeParse(await read(database, ids));
    if (facts.success) return facts.data;
    throw new Error(
      `The reading "${reading}" of ${context} has another shape: ${z.prettifyError(facts.error)}`,
    );
  };

  private exporter(name: string) {
    const found = this.contexts.find((context) => context.name === name);
    if (!found) throw new Error(`There is no context "${name}" for the audit to read`);
    return { database: found.database, readings: found.audit?.readings ?? {} };
  }
}

async function auditOf(name: string): Promise<ContextAudit | undefined> {
  const file = join(projectRoot(), 'dist/apps', name, 'src', `${name}.audit.js`);
  if (!existsSync(file)) return undefined;
  const { audit } = (await import(file)) as { audit?: ContextAudit };
  if (!audit) throw new Error(`apps/${name}/src/${name}.audit.ts has no export "audit"`);
  return audit;
}
