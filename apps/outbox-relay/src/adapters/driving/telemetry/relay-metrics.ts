import { metrics } from '@opentelemetry/api';
import type { EventLog } from '@atlas/ports/adapters';
import { sampled } from '@atlas/service';
import type { RelayOutbox } from '../../../application/commands/relay-outbox';

/** To count what waits and how far the groups are is work for the database and the brokers. */
const STATUS_EVERY_MS = 5_000;
const LAG_EVERY_MS = 15_000;

/**
 * Shows what the relay does, and how far behind its topic each group is: one owner asks for all consumers, and goes on
 * to tell when none of them runs any more.
 * @param topic the one that it publishes to.
 */
export function measureRelay(
  relay: RelayOutbox,
  log: Pick<EventLog, 'describe' | 'groupOffsets'>,
  topic: string,
): void {
  const status = sampled(STATUS_EVERY_MS, () => relay.status());
  measureStatus(status);
  const lags = sampled(LAG_EVERY_MS, () => lagsOf(topic, log));
  metrics
    .getMeter('atlas.relay')
    .createObservableGauge('atlas.consumer.lag', {
      unit: '{record}',
      description:
        'Records that a group has not committed yet, told by the owner of the outbox that they are from',
    })
    .addCallback(async (result) => {
      if ((await status())?.role !== 'owner') return;
      for (const { group, partition, lag } of (await lags()) ?? []) {
        result.observe(lag, { group, topic, partition });
      }
    });
}

function measureStatus(
  statusNow: () => Promise<Awaited<ReturnType<RelayOutbox['status']>> | undefined>,
): void {
  const meter = metrics.getMeter('atlas.relay');
  const owner = meter.createObservableGauge('atlas.relay.owner', {
    description: '1 if this process publishes, 0 if it stands by',
  });
  const waiting = meter.createObservableGauge('atlas.relay.waiting', {
    unit: '{row}',
    description: 'Committed rows that are not published yet; left out while nobody can tell',
  });
  const oldest = meter.createObservableGauge('atlas.relay.oldest.age', {
    unit: 's',
    description: 'Age of the oldest of them',
  });
  const published = meter.createObservableCounter('atlas.relay.published', {
    unit: '{event}',
    description: 'Events on the log, since this process began',
  });
  const transactions = meter.createObservableCounter('atlas.relay.transactions', {
    unit: '{transaction}',
    description: 'Transactions on the log, since this process began',
  });
  const failures = meter.createObservableCounter('atlas.relay.failures', {
    unit: '{failure}',
    description: 'Times that the database or the log failed it, since this process began',
  });
  meter.addBatchObservableCallback(
    async (result) => {
      const status = await statusNow();
      if (!status) return;
      const attributes = { outbox: status.service };
      result.observe(owner, status.role === 'owner' ? 1 : 0, attributes);
      result.observe(published, status.published, attributes);
      result.observe(transactions, status.transactions, attributes);
      result.observe(failures, status.failures, attributes);
      if (!status.backlog) return;
      result.observe(waiting, status.backlog.rows, attributes);
      result.observe(oldest, status.backlog.oldestAgeMs / 1_000, attributes);
    },
    [owner, waiting, oldest, published, transactions, failures],
  );
}

async function lagsOf(topic: string, log: Pick<EventLog, 'describe' | 'groupOffsets'>) {
  const [partitions, offsets] = await Promise.all([log.describe(), log.groupOffsets()]);
  const ends = new Map(
    partitions.flatMap((part) => (part.topic === topic ? [[part.partition, part.end] as const] : [])),
  );
  return offsets
    .filter((offset) => offset.topic === topic)
    .map(({ group, partition, committed }) => ({
      group,
      partition,
      // Asked for apart, so a group can be ahead of an end that was read before.
      lag: Math.max(0, (ends.get(partition) ?? 0) - committed),
    }));
}
