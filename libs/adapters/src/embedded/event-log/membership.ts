import { assignPartitions } from '@atlas/ports/adapters';
import type { LogDatabase } from './database';
import { GROUP_LOCK, GROUPS_CHANNEL, MEMBER_LOCK } from './schema';

/** A partition that a member holds. */
export interface Holding {
  readonly partitionId: number;
  readonly topic: string;
  readonly partition: number;
  readonly log: string;
  readonly committed: number;
  readonly epoch: number;
  /** False if it must be released to another member. */
  readonly keep: boolean;
}

interface PartitionRow {
  id: number;
  topic: string;
  partition: number;
  log: string;
  committed: number;
  owner: number | null;
  epoch: number;
}

/**
 * SQL condition: member `m` is alive, according to both its heartbeat and its process's session. `$ms` is a
 * placeholder.
 */
const isAlive = ($ms: string) => `(
  m.heartbeat_at > clock_timestamp() - make_interval(secs => ${$ms}::float / 1000)
  AND EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.classid = ${MEMBER_LOCK}::oid AND l.objid = m.id::oid))`;

const LOCK_GROUP = 'SELECT pg_advisory_xact_lock($1, hashtext($2))';

/**
 * One member's view of its group. There is no coordinator: under the group's lock, each member removes dead members,
 * computes the plan that every member would compute, takes its free partitions, and learns what it must release.
 */
export class Membership {
  private constructor(
    private readonly database: LogDatabase,
    readonly id: number,
    readonly group: string,
    private readonly topics: readonly string[],
    private readonly sessionTimeoutMs: number,
  ) {}

  static async create(
    database: LogDatabase,
    group: string,
    topics: readonly string[],
    sessionTimeoutMs: number,
  ): Promise<Membership> {
    const [row] = await database.query<{ id: number }>(
      `SELECT nextval(pg_get_serial_sequence('group_member', 'id'))::integer AS id`,
    );
    if (!row) throw new Error('The event log returned no id for a group member');
    return new Membership(database, row.id, group, topics, sessionTimeoutMs);
  }

  /**
   * Joins or sends a heartbeat, gives back `released`, and takes its share of the free partitions.
   * @returns what it holds now. It has lost every partition that is missing or has another epoch.
   */
  rebalance(released: readonly number[]): Promise<readonly Holding[]> {
    return this.database.transaction(async (query) => {
      await query(`${LOCK_GROUP}, set_config('synchronous_commit', 'off', true)`, [GROUP_LOCK, this.group]);
      const [self] = await query<{ joined: boolean }>(
        `INSERT INTO group_member (id, group_name, topics, heartbeat_at) VALUES ($1, $2, $3, clock_timestamp())
         ON CONFLICT (id) DO UPDATE SET heartbeat_at = clock_timestamp()
         RETURNING xmax = 0 AS joined`,
        [this.id, this.group, this.topics],
      );
      const dead = await query(
        `DELETE FROM group_member m WHERE group_name = $1 AND id <> $2 AND NOT ${isAlive('$3')} RETURNING id`,
        [this.group, this.id, this.sessionTimeoutMs],
      );
      await query(
        `INSERT INTO group_partition (group_name, partition_id)
         SELECT $1, id FROM topic_partition WHERE topic = ANY ($2::text[])
           AND NOT EXISTS (SELECT FROM group_partition WHERE group_name = $1 AND partition_id = topic_partition.id)`,
        [this.group, this.topics],
      );
      const freed = await query(
        `UPDATE group_partition SET owner = NULL
         WHERE group_name = $1 AND owner IS NOT NULL
           AND (owner = $2 AND partition_id = ANY ($3::integer[])
                OR NOT EXISTS (SELECT FROM group_member m WHERE m.id = owner))
         RETURNING partition_id`,
        [this.group, this.id, released],
      );
      const members = await query<{ id: number; topics: string[] }>(
        'SELECT id, topics FROM group_member WHERE group_name = $1 ORDER BY id',
        [this.group],
      );
      const partitions = await query<PartitionRow>(
        `SELECT p.id, p.topic, p.partition, p.log, g.committed, g.owner, g.epoch
         FROM group_partition g JOIN topic_partition p ON p.id = g.partition_id
         WHERE g.group_name = $1`,
        [this.group],
      );
      const plan = assignPartitions(partitions, members);
      const taken = partitions.filter(({ id, owner }) => owner === null && plan.get(id) === this.id);
      if (taken.length > 0) {
        await query(
          `UPDATE group_partition SET owner = $2, epoch = epoch + 1
           WHERE group_name = $1 AND partition_id = ANY ($3::integer[])`,
          [this.group, this.id, taken.map(({ id }) => id)],
        );
      }
      if (self?.joined || dead.length > 0 || freed.length > 0)
        await query(NOTIFY_GROUP, [GROUPS_CHANNEL, this.group]);
      return [
        ...taken.map((row) => ({ ...holdingOf(row), epoch: row.epoch + 1, keep: true })),
        ...partitions
          .filter(({ owner }) => owner === this.id)
          .map((row) => ({ ...holdingOf(row), keep: plan.get(row.id) === this.id })),
      ];
    });
  }

  /** Moves the group's offset. @returns false, without effect, if another member has taken the partition. */
  async commit(partitionId: number, epoch: number, offset: number): Promise<boolean> {
    // No need to wait for the disk: if a server crash loses the offset, records are redelivered, which consumers must
    // handle anyway.
    const rows = await this.database.query(
      `UPDATE group_partition SET committed = $5
       WHERE group_name = $1 AND partition_id = $2 AND owner = $3 AND epoch = $4
       RETURNING set_config('synchronous_commit', 'off', true)`,
      [this.group, partitionId, this.id, epoch, offset],
      'commit',
    );
    return rows.length > 0;
  }

  /** Releases all partitions. */
  async leave(): Promise<void> {
    await this.database.transaction(async (query) => {
      await query(LOCK_GROUP, [GROUP_LOCK, this.group]);
      await query('DELETE FROM group_member WHERE id = $1', [this.id]);
      await query('UPDATE group_partition SET owner = NULL WHERE group_name = $1 AND owner = $2', [
        this.group,
        this.id,
      ]);
      await query(NOTIFY_GROUP, [GROUPS_CHANNEL, this.group]);
    });
  }
}

const NOTIFY_GROUP = 'SELECT pg_notify($1, $2)';

const holdingOf = ({ id, topic, partition, log, committed, epoch }: PartitionRow) => ({
  partitionId: id,
  topic,
  partition,
  log,
  committed,
  epoch,
});

/**
 * Sets a group's offset in a partition.
 * @throws Error if the group has running members, the partition doesn't exist, or the offset is out of range.
 */
export async function seekGroup(
  database: LogDatabase,
  group: string,
  topic: string,
  partition: number,
  offset: number,
  sessionTimeoutMs: number,
): Promise<void> {
  await database.transaction(async (query) => {
    await query(LOCK_GROUP, [GROUP_LOCK, group]);
    const running = await query(`SELECT FROM group_member m WHERE group_name = $1 AND ${isAlive('$2')}`, [
      group,
      sessionTimeoutMs,
    ]);
    if (running.length > 0) {
      throw new Error(
        `Group "${group}" has ${running.length} running members: stop them before moving its offset`,
      );
    }
    const [found] = await query<{ id: number; end_offset: number }>(
      'SELECT id, end_offset FROM topic_partition WHERE topic = $1 AND partition = $2',
      [topic, partition],
    );
    if (!found) throw new Error(`There is no partition ${topic}/${partition}`);
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > found.end_offset) {
      throw new Error(
        `The offset must be from 0 to ${found.end_offset} in ${topic}/${partition}, not ${offset}`,
      );
    }
    await query(
      `INSERT INTO group_partition (group_name, partition_id, committed) VALUES ($1, $2, $3)
       ON CONFLICT (group_name, partition_id)
       DO UPDATE SET committed = $3, owner = NULL, epoch = group_partition.epoch + 1`,
      [group, found.id, offset],
    );
  });
}
