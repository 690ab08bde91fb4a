// What is read from /proc, and what it says about a run.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { coresReason } from '../../../bench/machine/cores.ts';
import { cpuNs, residentBytes } from '../../../bench/machine/cost.ts';
import {
  disturbanceBetween,
  disturbanceReason,
  readCpuTimes,
} from '../../../bench/machine/disturbance.ts';
import { cpusOf } from '../../../bench/machine/facts.ts';

const STAT = 'cpu  100 10 50 800 20 5 5 10 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n';

test('adds up busy, stolen and all time of all CPUs', () => {
  assert.equal(readCpuTimes(STAT), { busyMs: 1_700, stealMs: 100, totalMs: 10_000 });
});

test('takes our own time from what was busy and never goes below nothing', () => {
  const begin = { busyMs: 0, stealMs: 0, totalMs: 0 };
  const end = { busyMs: 600, stealMs: 50, totalMs: 1_000 };
  assert.equal(disturbanceBetween(begin, end, 400), { stealShare: 0.05, foreignShare: 0.2 });
  assert.equal(disturbanceBetween(begin, end, 610), { stealShare: 0.05, foreignShare: 0 });
});

test('gives a reason when the host or other programs took more than a tenth', () => {
  assert.is(disturbanceReason({ stealShare: 0.1, foreignShare: 0.1 }), null);
  assert.match(disturbanceReason({ stealShare: 0.2, foreignShare: 0 }) ?? '', /host took 20 %/);
  assert.match(disturbanceReason({ stealShare: 0, foreignShare: 0.3 }) ?? '', /programs used 30 %/);
});

test('reads the kernel’s list of CPUs', () => {
  assert.equal(cpusOf('Name:\tnode\nCpus_allowed_list:\t0-2,5\n'), [0, 1, 2, 5]);
  assert.equal(cpusOf('Name:\tnode\n'), [0]);
});

test('has no figures from a single CPU', () => {
  assert.is(coresReason({ program: 0, load: 1 }), null);
  assert.match(coresReason({ program: 0, load: 0 }) ?? '', /one CPU only/);
});

test('counts CPU and memory of a living process and nothing for one that is gone', () => {
  assert.ok(cpuNs(process.pid) > 0);
  assert.ok(residentBytes(process.pid) > 1024 ** 2);
  // Above the largest number that Linux gives a process.
  assert.is(cpuNs(2 ** 22 + 1), 0);
  assert.is(residentBytes(2 ** 22 + 1), 0);
});

test.run();
