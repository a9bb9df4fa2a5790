import { createTestDatabase } from '@atlas/testing';
import { Client } from 'pg';
import { describeForeignRecords, type ForeignRecord } from './foreign-records';

describeForeignRecords('the embedded log', async () => {
  const database = await createTestDatabase();
  return {
    env: { EVENT_LOG_URL: database.url },
    // Bypasses our own publisher, which always writes complete records.
    write: async (topic, partition, records) => {
      const client = new Client({ connectionString: database.url });
      await client.connect();
      for (const { key, headers, value } of records) {
        await client.query(
          `WITH place AS (
             UPDATE topic_partition SET end_offset = end_offset + 1 WHERE topic = $1 AND partition = $2
             RETURNING id, end_offset - 1 AS "offset"
           )
           INSERT INTO log_record SELECT id, "offset", $3, $4, $5, clock_timestamp() FROM place`,
          [topic, partition, key, jsonOf(headers), value],
        );
      }
      await client.end();
    },
    hasBytes: false,
    close: () => database.drop(),
  };
});

/** JSON text may have a name several times, too. */
const jsonOf = (headers: ForeignRecord['headers']): string =>
  `{${Object.entries(headers)
    .flatMap(([name, content]) =>
      [content].flat().map((each) => `${JSON.stringify(name)}:${JSON.stringify(each)}`),
    )
    .join()}}`;
