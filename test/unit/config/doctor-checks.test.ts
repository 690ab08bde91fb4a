// What the doctor makes of the facts of a machine.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DoctorFacts, Settings } from '../../../src/config/index.ts';
import {
  DEMO_YAML,
  SOCKET_BUFFER_BYTES,
  doctorFindings,
  parseConfig,
} from '../../../src/config/index.ts';

function settingsOf(text: string): Settings {
  const result = parseConfig(text, {
    file: 't',
    env: {},
    readFile: () => ({ ok: false, error: 'none' }),
  });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value.settings;
}

const HEALTHY: DoctorFacts = {
  receiveBufferBytesMax: SOCKET_BUFFER_BYTES,
  sendBufferBytesMax: SOCKET_BUFFER_BYTES,
  openFilesMax: 1_048_576,
  ephemeralPorts: { portMin: 32_768, portMax: 60_999 },
  reservedPorts: [],
  cpuCount: 2,
  clockSynchronised: true,
  kernelPathObstacle: '',
  localAddresses: ['127.0.0.1', '192.0.2.1'],
};

const verdictsOf = (facts: Partial<DoctorFacts>, yaml = DEMO_YAML): readonly string[] =>
  doctorFindings(settingsOf(yaml), { ...HEALTHY, ...facts })
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ check, verdict }) => `${check} ${verdict}`);

test('finds a healthy machine healthy', () => {
  assert.equal(verdictsOf({}), []);
});

test('asks for larger socket buffers and says how', () => {
  const [finding] = doctorFindings(settingsOf(DEMO_YAML), {
    ...HEALTHY,
    receiveBufferBytesMax: 212_992,
  });
  assert.equal(finding, {
    check: 'receive-buffer',
    verdict: 'warning',
    text: 'net.core.rmem_max is 212992 bytes, 8388608 are asked for; bursts of calls will lose messages',
    advice: 'sysctl -w net.core.rmem_max=8388608, and the same line in /etc/sysctl.d',
  });
});

test('refuses too few open files, exact to one', () => {
  const needed = (2000 * 2 + 64) * 2 + 4096 + 256;
  assert.equal(verdictsOf({ openFilesMax: needed }), []);
  assert.equal(verdictsOf({ openFilesMax: needed - 1 }), ['open-files error']);
});

test('warns of ports that the system gives away, unless they are reserved', () => {
  const ephemeralPorts = { portMin: 29_999, portMax: 60_999 };
  assert.equal(verdictsOf({ ephemeralPorts }), ['ephemeral-ports warning']);
  assert.equal(
    verdictsOf({ ephemeralPorts, reservedPorts: [{ portMin: 20_000, portMax: 29_999 }] }),
    [],
  );
  assert.equal(verdictsOf({ ephemeralPorts: { portMin: 5060, portMax: 5060 } }), [
    'ephemeral-ports warning',
  ]);
});

test('warns of more media threads than CPUs', () => {
  assert.equal(verdictsOf({}, 'media: { threads: 3 }'), ['cpus warning']);
});

test('finds an address that is not on this machine', () => {
  assert.equal(verdictsOf({}, 'listen: { sip: [udp://192.0.2.1:5060], http: null }'), []);
  assert.equal(verdictsOf({}, 'listen: { sip: [udp://192.0.2.2:5060] }'), ['addresses error']);
});

test('warns of a clock that nobody sets', () => {
  assert.equal(verdictsOf({ clockSynchronised: false }), ['clock warning']);
});

test('calls unknown what could not be found out', () => {
  const unknown = {
    receiveBufferBytesMax: null,
    sendBufferBytesMax: null,
    openFilesMax: null,
    ephemeralPorts: null,
    clockSynchronised: null,
    kernelPathObstacle: null,
  };
  assert.equal(verdictsOf(unknown), [
    'receive-buffer unknown',
    'send-buffer unknown',
    'open-files unknown',
    'ephemeral-ports unknown',
    'clock unknown',
    'kernel-path unknown',
  ]);
});

test('says why nothing is forwarded inside the kernel, and is content with that', () => {
  const textOf = (kernelPathObstacle: string, yaml: string): string | undefined =>
    doctorFindings(settingsOf(yaml), { ...HEALTHY, kernelPathObstacle }).find(
      ({ check }) => check === 'kernel-path',
    )?.text;
  const obstacle = 'bpf(BPF_MAP_CREATE): Operation not permitted';
  assert.equal(verdictsOf({ kernelPathObstacle: obstacle }), []);
  assert.is(textOf(obstacle, DEMO_YAML), `off, every packet goes by the sockets: ${obstacle}`);
  assert.is(textOf('', DEMO_YAML), 'plain calls can be forwarded inside the kernel');
  assert.is(textOf(obstacle, 'media: { kernel_path: off }'), 'media.kernel_path is off');
});

test.run();
