// Reports as people and programs read them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BenchResult, SuiteReport } from '../../../bench/figures/report.ts';
import { comparisonText, figureText, reportText } from '../../../bench/figures/report.ts';
import { acceptReport, readReports, writeReport } from '../../../bench/figures/report-file.ts';

const MACHINE = {
  cpu: 'Test CPU',
  cpus: 2,
  kernel: '6.1',
  node: '20.0.0',
  commit: 'abc1234',
  date: '2026-01-01T00:00:00.000Z',
  stealShare: 0.01,
  foreignShare: 0,
};
const COST: BenchResult = {
  name: 'relay.cpu_ns_per_packet',
  unit: 'ns',
  value: 3900,
  peer: 'rtpengine',
  peerValue: 8750,
  ratio: 0.446,
  ratioInterval: { low: 0.43, high: 0.46 },
};
const aReport = (results: readonly BenchResult[]): SuiteReport => ({
  suite: 'relay',
  valid: true,
  machine: MACHINE,
  results,
});
const AN_INVALID_REPORT: SuiteReport = {
  ...aReport([]),
  valid: false,
  invalidReason: 'the load tool used more than 90 % of its CPU',
};

function inFolder(use: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'trunkyard-report-'));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('prints a figure beside the peer’s with the ratio and its interval', () => {
  const lines = reportText(aReport([COST])).split('\n');
  assert.match(
    lines[0] ?? '',
    /^relay on Test CPU, 2 CPUs, Linux 6.1, node 20.0.0, commit abc1234$/,
  );
  assert.match(
    lines[2] ?? '',
    /^relay.cpu_ns_per_packet +3900 +ns +8750 +rtpengine +0.45 +0.43..0.46$/,
  );
  assert.is(lines[3], 'steal 1.0 %, other programs 0.0 % of the machine');
});

test('prints the reason and no figure for an invalid run', () => {
  const text = reportText(AN_INVALID_REPORT);
  assert.match(text, /invalid run, no figures: the load tool used more than 90 % of its CPU/);
  assert.not.match(text, /relay\./);
});

test('keeps three digits of small figures and none behind the point of large ones', () => {
  assert.equal([0, 0.00123456, 5.678, 99.96, 123.4].map(figureText), [
    '0',
    '0.00123',
    '5.68',
    '100',
    '123',
  ]);
});

test('compares figure by figure and says that only ratios were measured side by side', () => {
  const text = comparisonText(
    aReport([COST]),
    aReport([
      { ...COST, value: 1950, ratio: 0.223 },
      { name: 'relay.new', unit: 'us', value: 1 },
    ]),
  );
  const lines = text.split('\n');
  assert.match(lines[1] ?? '', /^relay.cpu_ns_per_packet +ns +3900 +1950 +0.50 +0.45 +0.22$/);
  assert.match(lines[2] ?? '', /^relay.new +us +- +1 +- +- +-$/);
  assert.match(lines[3] ?? '', /^Only the ratios/);
});

test('does not compare with an invalid run', () => {
  assert.match(comparisonText(aReport([COST]), AN_INVALID_REPORT), /^nothing to compare: /);
});

test('reads back what it wrote', () => {
  inFolder((folder) => {
    const path = join(folder, 'relay.json');
    writeReport(path, aReport([COST]));
    assert.equal(readReports(path).get('relay'), aReport([COST]));
  });
});

test('puts a report into the baseline and leaves those of other suites', () => {
  inFolder((folder) => {
    const path = join(folder, 'baseline.json');
    acceptReport(path, { ...aReport([COST]), suite: 'zzz' });
    acceptReport(path, aReport([]));
    acceptReport(path, aReport([COST]));
    assert.equal([...readReports(path).keys()], ['relay', 'zzz']);
    assert.equal(readReports(path).get('relay')?.results, [COST]);
  });
});

test('takes no invalid report for a baseline and no other file for reports', () => {
  inFolder((folder) => {
    const path = join(folder, 'baseline.json');
    assert.throws(() => acceptReport(path, AN_INVALID_REPORT), /can't be a baseline/);
    writeFileSync(path, '{"relay": {"suite": "relay"}}');
    assert.throws(() => readReports(path), /relay is no bench report/);
    writeFileSync(path, '7');
    assert.throws(() => readReports(path), /holds no bench report/);
  });
});

test.run();
