import { clockContract, idGeneratorContract, randomContract } from '@atlas/testing';
import { SystemClock, SystemRandom, UuidV7Generator } from '.';

clockContract('of the system', () => new SystemClock());
idGeneratorContract('of UUIDs', () => new UuidV7Generator());
randomContract('of the system', () => new SystemRandom());
