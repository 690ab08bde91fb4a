// Replays every input that the TypeScript fuzz targets ever found, and each target's seeds unchanged.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'uvu';
import { seededRandom } from '../../../../src/base/index.ts';
import { TARGETS } from '../../targets/index.ts';

const repository = new URL('../../../../', import.meta.url);

function inputsOf(folder: string): readonly URL[] {
  const path = new URL(`${folder}/`, repository);
  return existsSync(path) ? readdirSync(path).map((file) => new URL(file, path)) : [];
}

for (const [name, target] of TARGETS) {
  const found = inputsOf(`test/fuzz/regressions/ts/${name}`);
  test(`${name}: nothing found before is found again`, () => {
    for (const file of [...found, ...target.seedFolders.flatMap(inputsOf)]) {
      // What a target draws decides how it cuts or reads an input: several ways each.
      for (let seed = 1; seed <= 3; seed += 1) {
        const random = seededRandom(seed);
        target.run(readFileSync(file), () => random.draw());
      }
    }
  });
}

test.run();
