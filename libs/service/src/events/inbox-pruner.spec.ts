import { randomUUID } from 'node:crypto';
import { MemoryDatabase, MemoryInbox, MemoryUnitOfWork } from '@atlas/testing';
import { InboxPruner } from './inbox-pruner';

const HOUR = 3_600_000;

describe('The inbox', () => {
  const inbox = new MemoryInbox(new MemoryUnitOfWork(new MemoryDatabase()));

  it('may forget an event no sooner than outbox and log together, which is said with the least that is allowed', async () => {
    const check = (windowMs: number, retentionMs?: number) =>
      new InboxPruner(inbox, 'lending', async () => windowMs, 168 * HOUR, retentionMs).check();

    await expect(check(24.5 * HOUR, 192 * HOUR)).rejects.toThrow(
      'INBOX_RETENTION_HOURS is wrong: an event can be delivered again for 193 hours. The outboxes can publish it again ' +
        'for 168 (OUTBOX_RETENTION_HOURS), and then the log can deliver it for 25',
    );
    await expect(check(Infinity, 1_000 * HOUR)).rejects.toThrow(
      'the log keeps its records forever, so the inbox must, too',
    );
    await check(24 * HOUR, 192 * HOUR);
    await check(Infinity);
  });

  it('forgets what is older than its retention, page by page, and nothing else', async () => {
    const clock = jest.spyOn(Date, 'now');
    const old = Array.from({ length: 12_000 }, () => randomUUID());
    clock.mockReturnValue(1_000);
    await inbox.admit('lending', old);
    clock.mockReturnValue(1_000 + 10 * HOUR);
    const young = randomUUID();
    await inbox.admit('lending', [young]);
    clock.mockReturnValue(1_001 + 31 * HOUR);

    let windowMs = Infinity;
    const pruner = new InboxPruner(inbox, 'lending', async () => windowMs, HOUR);
    expect(await pruner.prune()).toBe(0);
    windowMs = 6 * HOUR;
    const forgotten = await pruner.prune();

    clock.mockRestore();
    expect(forgotten).toBe(old.length);
    expect(await inbox.handled('lending', [...old, young])).toEqual(new Set([young]));
  });
});
