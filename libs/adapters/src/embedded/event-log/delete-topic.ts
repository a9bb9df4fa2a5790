import { Client } from 'pg';
import { connectionConfig } from './database';

/**
 * Deletes a topic with its records and its groups' offsets, as an operator of Kafka can. Members that consume it notice at
 * their next rebalance.
 * @param url of the log's database.
 */
export async function deleteTopic(url: string, topic: string): Promise<void> {
  const client = new Client(connectionConfig(url));
  await client.connect();
  try {
    await client.query(
      `WITH gone AS (SELECT id FROM topic_partition WHERE topic = $1),
         records AS (DELETE FROM log_record USING gone WHERE partition_id = gone.id),
         offsets AS (DELETE FROM group_partition USING gone WHERE partition_id = gone.id)
       DELETE FROM topic_partition USING gone WHERE topic_partition.id = gone.id`,
      [topic],
    );
  } finally {
    await client.end();
  }
}
