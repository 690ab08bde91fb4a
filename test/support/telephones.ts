// Two telephones that talk through the engine, each with a tone of its own, and what became of it.
import * as assert from 'uvu/assert';
import type { Baresip, TelephoneCodec } from './baresip.ts';
import { startBaresip } from './baresip.ts';
import { BaresipControl } from './baresip-control.ts';
import type { Cdr } from './engine.ts';
import { ADDRESSES, freePort, until } from './loopback.ts';
import type { Parties } from './parties.ts';
import { CALLED, CALLER_TRUNK, calleeTrunk } from './parties.ts';
import { toneNear } from './tone.ts';

/** One telephone and the trunk that it is behind. */
export interface TelephoneSide {
  /** As it says it in SIP and SDP; its RTP comes from the engine's own address all the same. */
  readonly host?: string;
  readonly codecs?: readonly TelephoneCodec[];
  readonly encrypts?: boolean;
  /** Settings of its trunk. */
  readonly trunk?: Readonly<Record<string, unknown>>;
}

/** What the parties do while they talk. */
export type During = (controls: {
  readonly caller: BaresipControl;
  readonly callee: BaresipControl;
}) => Promise<void>;

export interface Talk {
  readonly caller: Baresip;
  readonly callee: Baresip;
  /** The caller's leg, then the callee's. */
  readonly cdrs: readonly [Cdr, Cdr];
  /** Of the call's packets, those that the kernel forwarded. */
  readonly packetsInKernel: number;
}

export const CALLER_HZ = 1000;
export const CALLEE_HZ = 600;
const CALL_S = 6;
/** As the telephones send it. */
const AMPLITUDE_SENT = 8000;

/** A call of some seconds from one to the other. */
export async function talk(
  parties: Parties,
  sides: { readonly caller: TelephoneSide; readonly callee: TelephoneSide },
  during: During | null = null,
): Promise<Talk> {
  const controls =
    during === null
      ? null
      : { caller: await placeOf(sides.caller), callee: await placeOf(sides.callee) };
  const callerAt = await placeOf(sides.caller);
  const calleeAt = await placeOf(sides.callee);
  const uri = `sip:${calleeAt.host}:${calleeAt.port}`;
  const engine = await parties.engine({
    trunks: [
      { ...CALLER_TRUNK, allow: [`${callerAt.host}/32`], ...sides.caller.trunk },
      calleeTrunk('callees', [uri], sides.callee.trunk),
    ],
    routes: [{ prefix: '44', trunks: ['callees'] }],
  });
  const callee = startBaresip({
    folder: parties.work.folder('callee'),
    local: calleeAt,
    mediaPorts: '31000-31099',
    user: CALLED,
    toneHz: CALLEE_HZ,
    dial: null,
    seconds: CALL_S + 20,
    ...heardAs(sides.callee),
    ...(controls === null ? {} : { control: controls.callee }),
  });
  await callee.ready;
  const caller = startBaresip({
    folder: parties.work.folder('caller'),
    local: callerAt,
    mediaPorts: '31100-31199',
    user: 'caller',
    toneHz: CALLER_HZ,
    dial: `sip:${CALLED}@${engine.sip.host}:${engine.sip.port}`,
    seconds: CALL_S,
    ...heardAs(sides.caller),
    ...(controls === null ? {} : { control: controls.caller }),
  });
  if (during !== null && controls !== null) {
    await until(() => caller.program.output().includes('Call established'), {
      what: 'the telephones talk',
      limitMs: CALL_S * 1000,
    });
    const hands = {
      caller: await BaresipControl.open(controls.caller),
      callee: await BaresipControl.open(controls.callee),
    };
    try {
      await during(hands);
    } finally {
      hands.caller.close();
      hands.callee.close();
    }
  }
  const { output } = await caller.program.ended;
  const cdrs = await engine.cdrsWhenThere(2);
  const packetsInKernel = await engine.metric('trunkyard_engine_packets_in_kernel');
  await callee.program.stop();
  const [inbound, outbound] = ['inbound', 'outbound'].map((direction) =>
    cdrs.find((cdr) => cdr.direction === direction),
  );
  if (inbound?.final_status !== 200 || outbound === undefined)
    throw new Error(`the call failed with ${inbound?.final_status ?? 'nothing'}:\n${output}`);
  return { caller, callee, cdrs: [inbound, outbound], packetsInKernel };
}

async function placeOf({ host = ADDRESSES.engine }: TelephoneSide): Promise<{
  readonly host: string;
  readonly port: number;
}> {
  return { host, port: await freePort(host) };
}

function heardAs({ codecs, encrypts }: TelephoneSide): Pick<TelephoneSide, 'codecs' | 'encrypts'> {
  return {
    ...(codecs === undefined ? {} : { codecs }),
    ...(encrypts === undefined ? {} : { encrypts }),
  };
}

/** Says that a telephone heard a tone within 1 Hz of its frequency and 1 dB of its level. */
export function assertHears(telephone: Baresip, frequencyHz: number): void {
  const tone = toneNear(telephone.heard(), frequencyHz);
  assert.ok(
    Math.abs(tone.frequencyHz - frequencyHz) <= 1,
    `${frequencyHz} Hz came as ${tone.frequencyHz}`,
  );
  const levelDb = 20 * Math.log10(tone.amplitude / AMPLITUDE_SENT);
  assert.ok(Math.abs(levelDb) <= 1, `${frequencyHz} Hz came ${levelDb.toFixed(2)} dB off`);
}
