// What is read from /proc, and what it says about a run.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { coresReason } from '../../../bench/machine/cores.ts';
import { cpuNs, residentBytes } from '../../../bench/machine/cost.ts';
import {
  disturbanceBetween,
  disturbanceReason,
  foreignMsBetween,
  processTime,
  readCpuTimes,
} from '../../../bench/machine/disturbance.ts';
import { cpusOf } from '../../../bench/machine/facts.ts';

const STAT = 'cpu  100 10 50 800 20 5 5 10 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n';

test('adds up stolen and all time of all CPUs', () => {
  assert.equal(readCpuTimes(STAT), { stealMs: 100, totalMs: 10_000 });
});

test('puts what others used beside the time that passed', () => {
  const begin = { stealMs: 0, totalMs: 0 };
  const end = { stealMs: 50, totalMs: 1_000 };
  assert.equal(disturbanceBetween(begin, end, 200), { stealShare: 0.05, foreignShare: 0.2 });
});

test('reads a process with a strange name, and counts its gone children', () => {
  const stat = '7 (a) b) S 3 7 7 0 -1 0 0 0 0 0 11 12 20 5 20 0 4 0 99\n';
  assert.equal(processTime(7, stat, 1.5), { pid: 7, parent: 3, ms: 251.5 });
});

test('counts as foreign whoever does not descend from the bench, also who came later', () => {
  const at = (pid: number, parent: number, ms: number) => ({ pid, parent, ms });
  const begin = [at(1, 0, 50), at(10, 1, 5), at(20, 1, 7)];
  const end = [
    at(1, 0, 53),
    at(10, 1, 90),
    at(11, 10, 40),
    at(12, 11, 40),
    at(20, 1, 7),
    at(30, 1, 4),
  ];
  assert.is(foreignMsBetween(begin, end, 10), 3 + 0 + 4);
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
