const { default: Sequencer } = require('@jest/test-sequencer');

/** Suites that start a broker or a whole platform take longest. */
const SLOW = /\.docker\.spec\.ts$|\/tools\/atlas\/test\//;

/**
 * Starts long suites first, so that none of them is left for the end, when the other workers have nothing to do. Jest
 * by itself knows durations only after the first run on a machine.
 */
module.exports = class SlowestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => Number(SLOW.test(b.path)) - Number(SLOW.test(a.path)));
  }
};
