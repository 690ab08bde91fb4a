// Which addon is taken: ours, and of this build.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadAddon } from '../../../src/engine/addon.ts';
import { CONTRACT_HASH } from '../../../src/engine/contract.gen.ts';

const addon = suite('addon');
const folder = mkdtempSync(join(tmpdir(), 'trunkyard-addon-'));
addon.after(() => rmSync(folder, { recursive: true, force: true }));

let modules = 0;

/** A module with these exports; its path. */
function moduleOf(exported: string): string {
  modules += 1;
  const path = join(folder, `addon-${modules}.cjs`);
  writeFileSync(path, `module.exports = { ${exported} };\n`);
  return path;
}

addon('an addon of the same contract is taken', () => {
  const path = moduleOf(`contractHash: ${CONTRACT_HASH}, start() {}, attach() {}`);
  assert.is(loadAddon(path).contractHash, CONTRACT_HASH);
});

addon(
  'one of another contract, or from before there was a hash, is refused with what to do',
  () => {
    for (const hash of [`contractHash: ${(CONTRACT_HASH + 1) >>> 0},`, '']) {
      const path = moduleOf(`${hash} start() {}, attach() {}`);
      assert.throws(
        () => loadAddon(path),
        `${path} is of another build than this program; run npm run build`,
      );
    }
  },
);

addon('what is no addon of ours is refused', () => {
  const path = moduleOf('start: 1');
  assert.throws(() => loadAddon(path), `${path} is not Trunkyard’s addon`);
});

addon.run();
