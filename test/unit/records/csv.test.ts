// Call records as CSV and JSON, and the page that documents them.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { callId, epochMs, legId, type LegRecord } from '../../../src/base/index.ts';
import { cdrColumns, csvHeader, csvRows, toCsv, toJson } from '../../../src/records/index.ts';

function aLeg(parts: Partial<LegRecord> = {}): LegRecord {
  return {
    legId: legId(`CA${'1'.repeat(32)}`),
    callId: callId(`CL${'2'.repeat(32)}`),
    direction: 'outbound',
    trunk: 'carrier-a',
    sipCallId: 'x@192.0.2.1',
    caller: '442071838750',
    called: '442071838751',
    calledOriginal: '+442071838751',
    authIdentity: null,
    startedAt: epochMs(1_772_357_400_125),
    gateway: 'sip:gw1.example',
    ringingAt: null,
    answeredAt: epochMs(1_772_357_401_000),
    endedAt: epochMs(1_772_357_411_000),
    durationMs: 10_000.4,
    pddMs: 875.2,
    finalStatus: 200,
    cause: 'NORMAL_CLEARING',
    q850: 16,
    reasonHeader: 'Q.850;cause=16;text="Normal call clearing"',
    endedBy: 'callee',
    codec: 'PCMU/8000',
    transcoded: false,
    srtp: null,
    media: null,
    routesTried: 'gw1.example 503,gw2.example 200',
    ...parts,
  };
}

/** A second reader of RFC 4180, so that writer and test don't share a mistake. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  // A cell, quoted or bare, and what ends it.
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? (bare ?? '') : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

function cell(leg: LegRecord, name: string): string | undefined {
  return parseCsv(csvRows([leg]))[0]?.[cdrColumns.findIndex((column) => column.name === name)];
}

test('G18 writes one row per leg with the call id first and a stable header', () => {
  assert.is(
    csvHeader(),
    'call_id,leg_id,direction,trunk,gateway,sip_call_id,caller,called,called_original,auth_identity,started_at,' +
      'ringing_at,answered_at,ended_at,duration_ms,pdd_ms,final_status,cause,q850,reason,ended_by,codec,routes_tried,' +
      'packets_received,octets_received,packets_sent,octets_sent,packets_lost,jitter_ms,packets_refused,mos,' +
      'transcoded,srtp,packets_late,concealed_ms,playout_delay_ms\r\n',
  );
  const rows = parseCsv(toCsv([aLeg(), aLeg()]));
  assert.is(rows.length, 3);
  assert.ok(rows.every((row) => row.length === cdrColumns.length));
  assert.is(rows[1]?.[0], `CL${'2'.repeat(32)}`);
});

test('quotes commas, quotes and line breaks so that another reader gets them back', () => {
  assert.is(cell(aLeg(), 'reason'), 'Q.850;cause=16;text="Normal call clearing"');
  assert.is(cell(aLeg(), 'routes_tried'), 'gw1.example 503,gw2.example 200');
  assert.is(cell(aLeg({ caller: 'a\r\nb' }), 'caller'), 'a\r\nb');
});

test('writes times as ISO 8601 UTC with milliseconds and durations as whole milliseconds', () => {
  assert.is(cell(aLeg(), 'started_at'), '2026-03-01T09:30:00.125Z');
  assert.is(cell(aLeg(), 'ringing_at'), '');
  assert.is(cell(aLeg(), 'duration_ms'), '10000');
  assert.is(cell(aLeg(), 'pdd_ms'), '875');
});

for (const start of ['=', '+', '-', '@', '\t']) {
  test(`puts an apostrophe before a cell that begins with ${JSON.stringify(start)} and is no number`, () => {
    assert.is(
      cell(aLeg({ caller: `${start}cmd|' /C calc'!A0` }), 'caller'),
      `'${start}cmd|' /C calc'!A0`,
    );
  });
}

test('leaves plain numbers with a sign as they are', () => {
  assert.is(cell(aLeg(), 'called_original'), '+442071838751');
  assert.is(cell(aLeg({ caller: '+1+1' }), 'caller'), "'+1+1");
});

test('JSON has the columns as keys in order, numbers as numbers, null for what did not happen', () => {
  const json = toJson(aLeg({ caller: '=1' }));
  assert.equal(
    Object.keys(json),
    cdrColumns.map((column) => column.name),
  );
  assert.is(json['caller'], '=1');
  assert.is(json['q850'], 16);
  assert.is(json['ringing_at'], null);
  assert.is(json['packets_received'], null);
});

test('each column keeps to the type and nullability it declares', () => {
  const media = {
    packetsReceived: 500,
    octetsReceived: 80_000,
    packetsSent: 500,
    octetsSent: 80_000,
    packetsLost: 0,
    jitterMs: 0.25,
    packetsRefused: 0,
    mos: null,
    packetsLate: 0,
    playoutDelayMs: null,
    concealedMs: 0,
  };
  for (const leg of [aLeg(), aLeg({ media })]) {
    for (const column of cdrColumns) {
      const value = column.value(leg);
      if (value === null) assert.ok(column.nullable, column.name);
      else if (column.type === 'integer') assert.ok(Number.isInteger(value), column.name);
      else assert.type(value, column.type, column.name);
    }
  }
});

test('docs/cdr.md lists exactly the columns, in order, with their types', () => {
  const page = readFileSync(new URL('../../../docs/cdr.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| (yes|no) \|/gm)].map((row) =>
    row.slice(1, 4).join(' '),
  );
  assert.equal(
    listed,
    cdrColumns.map((column) => `${column.name} ${column.type} ${column.nullable ? 'yes' : 'no'}`),
  );
});

test('no legs make no rows', () => {
  assert.is(csvRows([]), '');
  assert.is(toCsv([]), csvHeader());
});

test.run();
