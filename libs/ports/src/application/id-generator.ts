export abstract class IdGenerator {
  /** A UUID that sorts by creation time (version 7, RFC 9562), which keeps indexes dense. */
  abstract next(): string;
}
