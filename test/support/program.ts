// How the tests run the product: compiled, as it ships, where the runner has just compiled it; else from its sources, so that a
// test that is run alone never meets an older build. Compiled it starts in a third of the processor time.

/** Words between `node` and the product's own arguments. */
export const PROGRAM: readonly string[] =
  process.env['TRUNKYARD_TEST_COMPILED'] === '1'
    ? ['dist/server/main.js']
    : ['--import', 'tsx', 'src/server/main.ts'];
