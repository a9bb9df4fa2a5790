import { createHash } from 'node:crypto';

/** Hashes a text to a number from 0 up to 2³²: repeatable randomness. */
export const digest = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE();

/** The same as a fraction, from 0 up to 1. */
export const fraction = (text: string): number => digest(text) / 2 ** 32;
