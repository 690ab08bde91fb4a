// needs: root cmake kernel-path
// limit: 300s
// The relay-bpf bench in small, so that it can't rot: 20 streams over veth, on the straight way and through the compiled media
// process with and without the kernel's help. Whether the machine is quiet enough for figures is of no interest here.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseCores } from '../../bench/machine/cores.ts';
import { VethNet } from '../../bench/machine/veth.ts';
import { trunkyardPeer } from '../../bench/peers/trunkyard-media.ts';
import { runVeth } from '../../bench/scenarios/relay-bpf.ts';
import { buildLoadTool } from '../../bench/scenarios/rtp-load.ts';

const SIZE = { calls: 10, times: { warmupMs: 4_000, measureMs: 1_000 } };
/** 20 streams of 50 packets a second; a loaded machine may keep many of them back. */
const PACKETS_MIN = 100;

test('20 streams go over veth by every way there is, each to its own end', async () => {
  buildLoadTool();
  const net = new VethNet();
  try {
    const { place } = net;
    for (const kernelPath of [null, false, true]) {
      const peer =
        kernelPath === null ? null : trunkyardPeer({ name: 'trunkyard', place, kernelPath });
      const run = await runVeth(peer, SIZE, net, chooseCores());
      assert.ok(run.load.received >= PACKETS_MIN, `${run.load.received} received`);
      assert.is(run.load.misdelivered, 0);
      assert.is(run.load.duplicates, 0);
      assert.ok(run.cpuNsPerPacket > 0);
      assert.is(run.kernelShare > 0, kernelPath === true);
    }
  } finally {
    net.close();
  }
});

test.run();
