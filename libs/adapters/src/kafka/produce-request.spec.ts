import * as fc from 'fast-check';
import { CompressionTypes } from 'kafkajs';
import { requests } from 'kafkajs/src/protocol/requests';
import { encodeProduce } from './produce-request';

const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const message = fc.record({
  key: text,
  headers: fc.dictionary(text, text, { maxKeys: 15 }),
  value: fc.oneof(
    text,
    fc.uint8Array({ maxLength: 9_000 }).map((bytes) => Buffer.from(bytes)),
  ),
});
const request = fc.record({
  transactionalId: fc.option(text, { nil: undefined }),
  acks: fc.constantFrom(-1, 0, 1),
  timeout: fc.nat(),
  compression: fc.constant(CompressionTypes.None),
  producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
  producerEpoch: fc.nat(32_767),
  topicData: fc.array(
    fc.record({
      topic: text,
      partitions: fc.array(
        fc.record({
          partition: fc.nat(100),
          firstSequence: fc.nat(),
          messages: fc.array(message, { minLength: 1, maxLength: 150 }),
        }),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 3 },
  ),
});

describe('A Produce request', () => {
  afterEach(() => jest.restoreAllMocks());

  it("has the same bytes as kafkajs's encoding", async () => {
    jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 0, 1));
    await fc.assert(
      fc.asyncProperty(request, async (each) => {
        const theirs = await requests.Produce.protocol({ version: 7 })(each).request.encode();
        expect(encodeProduce(each).equals(theirs.buffer)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
