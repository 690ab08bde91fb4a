// Captures packets on loopback with tshark and reads fields of them: for tests that must see what is on the wire.
import type { Program } from './child.ts';
import { startProgram } from './child.ts';
import { until } from './loopback.ts';

export interface Capture {
  /** Ends the capture. Rows in the order captured, each with the asked fields; an absent field is ''. */
  stop(): Promise<readonly (readonly string[])[]>;
}

export interface CaptureOptions {
  /** libpcap filter, for example `udp port 5060`. */
  readonly filter: string;
  /** tshark field names, for example `ip.src`, `sip.Method`. */
  readonly fields: readonly string[];
  /** Read these ports as a protocol: `udp.port==5062,sip`. */
  readonly decodeAs?: readonly string[];
  /** Only packets that match this display filter are given. */
  readonly display?: string;
}

const START_LIMIT_MS = 15_000;

/** Starts a capture and returns once packets are really taken. Needs root. */
export async function startCapture(options: CaptureOptions): Promise<Capture> {
  const program: Program = startProgram('tshark', [
    ...[
      '-i',
      'lo',
      '-l',
      '-n',
      '-f',
      options.filter,
      '-T',
      'fields',
      '-E',
      'separator=/t',
      '-E',
      'occurrence=f',
    ],
    ...options.fields.flatMap((field) => ['-e', field]),
    ...(options.decodeAs ?? []).flatMap((rule) => ['-d', rule]),
    ...(options.display === undefined ? [] : ['-Y', options.display]),
  ]);
  await until(() => program.output().includes('Capturing on'), {
    what: 'tshark captures',
    limitMs: START_LIMIT_MS,
  });
  return {
    stop: async () => {
      const { output } = await program.stop({ signal: 'SIGINT', graceMs: 10_000 });
      return output
        .split('\n')
        .filter((line) => line.includes('\t'))
        .map((line) => line.split('\t'));
    },
  };
}
