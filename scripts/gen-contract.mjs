// Writes both faces of native/binding/contract.json: native/engine/contract.gen.h and
// src/engine/contract.gen.ts. The header lies in engine, not in binding, because the engine fills the
// records and rooms import downwards only.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const SOURCE = 'native/binding/contract.json';
const SIZES = { u8: 1, u16: 2, u32: 4, f64: 8, address: 20 };
const ALIGNMENTS = { u8: 1, u16: 2, u32: 4, f64: 8, address: 2 };
const CPP_TYPES = {
  u8: 'std::uint8_t',
  u16: 'std::uint16_t',
  u32: 'std::uint32_t',
  f64: 'double',
  address: 'AddressRecord',
};

const HELP = `usage: node scripts/gen-contract.mjs [--check]

Generates native/engine/contract.gen.h and src/engine/contract.gen.ts from ${SOURCE}.
  --check   writes nothing; exit 1 when a generated file differs from what is on disk
  --help    this text`;

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const pascal = (name) => name[0].toUpperCase() + name.slice(1);
const constant = (name) =>
  `k${name.toLowerCase().replace(/(^|_)([a-z])/g, (_, __, letter) => letter.toUpperCase())}`;

/** FNV-1a over the contract's meaning: host and client of different builds must not join. */
function hashOf(text) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** 'u32[32] 64' to {type, count, offset, bytes}; throws with the field's name when it is wrong. */
function parseField(name, text, contract) {
  const match = /^(u8|u16|u32|f64|address)(?:\[(\d+|counters)\])? (\d+)$/.exec(text);
  if (match === null) throw new Error(`${name}: can't read "${text}"`);
  const [, type, countText, offsetText] = match;
  const count =
    countText === undefined
      ? null
      : countText === 'counters'
        ? contract.counters.length
        : Number(countText);
  const offset = Number(offsetText);
  if (offset % ALIGNMENTS[type] !== 0)
    throw new Error(`${name}: offset ${offset} is not aligned for ${type}`);
  return { name, type, count, offset, bytes: SIZES[type] * (count ?? 1) };
}

/** Fields in offset order; throws when they overlap or leave the record. */
function layout(owner, fields, contract, recordBytes) {
  const parsed = Object.entries(fields).map(([name, text]) =>
    parseField(`${owner}.${name}`, text, contract),
  );
  parsed.sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const field of parsed) {
    if (field.offset < end) throw new Error(`${field.name} overlaps the field before it`);
    end = field.offset + field.bytes;
    if (end > recordBytes)
      throw new Error(`${field.name} ends at ${end}, past the record of ${recordBytes} bytes`);
    field.name = field.name.slice(owner.length + 1);
  }
  return parsed;
}

function cppStruct(name, fields, recordBytes, alignment) {
  const lines = [`struct alignas(${alignment}) ${name} {`];
  let end = 0;
  let gap = 0;
  const fill = (to) => {
    if (to > end) lines.push(`  std::uint8_t gap_${gap++}[${to - end}] = {};`);
  };
  for (const field of fields) {
    fill(field.offset);
    const suffix = field.count === null ? '' : `[${field.count}]`;
    lines.push(`  ${CPP_TYPES[field.type]} ${snake(field.name)}${suffix} = {};`);
    end = field.offset + field.bytes;
  }
  fill(recordBytes);
  lines.push('};', `static_assert(sizeof(${name}) == ${recordBytes});`);
  for (const field of fields)
    lines.push(`static_assert(offsetof(${name}, ${snake(field.name)}) == ${field.offset});`);
  return lines;
}

function cppRecords(word, section, contract) {
  const { recordBytes, header, kinds } = section;
  const lines = [`inline constexpr std::size_t k${word}RecordBytes = ${recordBytes};`, ''];
  lines.push(`enum class ${word}Kind : std::uint16_t {`);
  for (const { kind, name } of kinds) lines.push(`  k${pascal(name)} = ${kind},`);
  lines.push('};', '');
  const headerFields = layout('header', header, contract, recordBytes);
  lines.push(`/// The first bytes of every record, whatever its kind.`);
  lines.push(...cppStruct(`${word}Header`, headerFields, recordBytes, 8), '');
  for (const { name, fields } of kinds) {
    const all = layout(name, { ...header, ...fields }, contract, recordBytes);
    lines.push(...cppStruct(`${pascal(name)}${word}`, all, recordBytes, 8), '');
  }
  return lines;
}

function cppNames(enumName, names) {
  const count = `k${enumName}Count`;
  const lines = [`enum class ${enumName} : std::uint8_t {`];
  names.forEach((name, index) => lines.push(`  k${pascal(name)} = ${index},`));
  lines.push('};', `inline constexpr std::size_t ${count} = ${names.length};`, '');
  return lines;
}

/** A count for each bound, one for what lies beyond the last, and the sum. */
function relayTimeValues({ relayTime: { boundsUs } }) {
  if (boundsUs.some((bound, index) => bound <= (boundsUs[index - 1] ?? 0)))
    throw new Error('relayTime.boundsUs must rise');
  return boundsUs.length + 2;
}

function statisticsOf(contract) {
  const { nodeSlotValues, endpointSlotValues } = contract.statistics;
  // A slot is the sequence number, for an endpoint its handle, and the values.
  if (1 + contract.nodeCounters.length + relayTimeValues(contract) > nodeSlotValues)
    throw new Error('statistics.nodeSlotValues is too small');
  if (contract.counters.length + 2 > endpointSlotValues)
    throw new Error('statistics.endpointSlotValues is too small');
  return [
    [
      'nodeSlotValues',
      nodeSlotValues,
      'float64 values from one media thread’s slot to the next: sequence number, counters, relay times.',
    ],
    [
      'endpointSlotValues',
      endpointSlotValues,
      'The same for endpoints: sequence number, handle, counters.',
    ],
  ];
}

function cppHeader(contract, hash) {
  const statistics = statisticsOf(contract);
  return [
    '// Generated by scripts/gen-contract.mjs from native/binding/contract.json. Do not edit.',
    '// Records that cross between the control plane and the engine, byte for byte.',
    '// clang-format off',
    '#pragma once',
    '',
    '#include <array>',
    '#include <cstddef>',
    '#include <cstdint>',
    '',
    '#include "base/limits.h"',
    '',
    'namespace trunkyard::engine::contract {',
    '',
    `/// Changes with every change of the contract; host and client compare it.`,
    `inline constexpr std::uint32_t kHash = 0x${hash.toString(16).padStart(8, '0')};`,
    '',
    'enum class Code : std::uint16_t {',
    ...contract.codes.map((name, index) => `  ${constant(name)} = ${index},`),
    '};',
    '',
    ...Object.entries(contract.enums).flatMap(([name, values]) =>
      cppNames(pascal(name), values).slice(0, -1),
    ),
    `inline constexpr std::uint8_t kPayloadTypeDropped = ${contract.payloadTypeDropped};`,
    `inline constexpr std::uint8_t kAddressFamilyUnreadable = ${contract.addressFamilyUnreadable};`,
    '',
    ...statistics.map(
      ([name, value, comment]) =>
        `/// ${comment}\ninline constexpr std::size_t k${pascal(name)} = ${value};`,
    ),
    '',
    '// The handle layout that src/engine unpacks; native code asks base/slab.h.',
    ...Object.entries(contract.handle).map(
      ([name, bits]) => `static_assert(kHandle${pascal(name)} == ${bits});`,
    ),
    '',
    '/// IPv4 in the first four bytes; the port in host order.',
    ...cppStruct(
      'AddressRecord',
      layout(
        'address',
        { family: 'u8 0', port: 'u16 2', bytes: 'u8[16] 4' },
        contract,
        SIZES.address,
      ),
      SIZES.address,
      2,
    ),
    '',
    ...cppRecords('Order', contract.orders, contract),
    ...cppRecords('Event', contract.events, contract),
    ...cppNames('Counter', contract.counters),
    ...cppNames(
      'NodeCounter',
      contract.nodeCounters.map(({ name }) => name),
    ),
    '/// Upper bounds of the relay times’ buckets in µs. In a thread’s slot, after its counters: a count for',
    '/// each bucket, one for what lies beyond the last bound, and the sum in µs.',
    `inline constexpr std::array<std::uint32_t, ${contract.relayTime.boundsUs.length}> kRelayTimeBoundsUs = {`,
    `    ${contract.relayTime.boundsUs.join(', ')}};`,
    `inline constexpr std::size_t kRelayTimeValueCount = ${relayTimeValues(contract)};`,
    '',
    '}  // namespace trunkyard::engine::contract',
    '',
  ].join('\n');
}

function tsRecords(word, section, contract) {
  const { recordBytes, header, kinds } = section;
  const lines = [`export const ${word}_RECORD_BYTES = ${recordBytes};`, ''];
  const offsets = (fields) => fields.map((field) => `${field.name}: ${field.offset}`).join(', ');
  lines.push(`/** Offsets that every kind shares. */`);
  lines.push(
    `export const ${word}_HEADER = { ${offsets(layout('header', header, contract, recordBytes))} } as const;`,
    '',
  );
  lines.push(`/** Per kind: its number and the offsets of its own fields. */`);
  lines.push(`export const ${word} = {`);
  for (const { kind, name, fields } of kinds) {
    const parts = [`kind: ${kind}`, offsets(layout(name, fields, contract, recordBytes))].filter(
      (part) => part !== '',
    );
    lines.push(`  ${name}: { ${parts.join(', ')} },`);
  }
  lines.push('} as const;', '');
  return lines;
}

function tsModule(contract, hash) {
  const list = (name, values, comment) => [
    `/** ${comment} */`,
    `export const ${name} = [`,
    ...values.map((value) => `  '${value}',`),
    '] as const;',
    '',
  ];
  const clockRates = contract.orders.kinds.find(({ name }) => name === 'updateEndpoint').fields
    .clockRates;
  return [
    '// Generated by scripts/gen-contract.mjs from native/binding/contract.json. Do not edit.',
    '// Records that cross between the control plane and the engine, byte for byte; little-endian.',
    '',
    `/** Changes with every change of the contract; host and client compare it. */`,
    `export const CONTRACT_HASH = 0x${hash.toString(16).padStart(8, '0')};`,
    '',
    ...list('CODES', contract.codes, 'A code’s number is its index.'),
    ...Object.entries(contract.enums).flatMap(([name, values]) =>
      list(`${snake(name).toUpperCase()}S`, values, 'A value’s number is its index.'),
    ),
    `export const PAYLOAD_TYPE_DROPPED = ${contract.payloadTypeDropped};`,
    `export const ADDRESS_FAMILY_UNREADABLE = ${contract.addressFamilyUnreadable};`,
    `export const CLOCK_RATES_MAX = ${parseField('clockRates', clockRates, contract).count};`,
    '',
    ...statisticsOf(contract).map(
      ([name, value, comment]) =>
        `/** ${comment} */\nexport const ${snake(name).toUpperCase()} = ${value};`,
    ),
    '',
    '/** A handle from its highest bits down: thread, generation, slot. */',
    `export const HANDLE = { ${Object.entries(contract.handle)
      .map(([name, bits]) => `${name}: ${bits}`)
      .join(', ')} } as const;`,
    '',
    '/** Offsets inside an address. */',
    'export const ADDRESS = { family: 0, port: 2, bytes: 4 } as const;',
    '',
    ...tsRecords('ORDER', contract.orders, contract),
    ...tsRecords('EVENT', contract.events, contract),
    ...list(
      'COUNTERS',
      contract.counters,
      'Order of the float64 values in a statistics slot and in `endpointClosed`.',
    ),
    ...list(
      'NODE_COUNTERS',
      contract.nodeCounters.map(({ name }) => name),
      'Order of the float64 values in a media thread’s slot.',
    ),
    '/** Upper bounds of the relay times’ buckets, whose counts follow the node counters; then what lies beyond, and the sum. */',
    'export const RELAY_TIME_BOUNDS_US = [',
    ...contract.relayTime.boundsUs.map((bound) => `  ${bound},`),
    '] as const;',
    '',
    `export const RELAY_TIME_TEXT = '${contract.relayTime.text}';`,
    '',
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
}

function main(args) {
  if (args.includes('--help')) {
    console.log(HELP);
    return 0;
  }
  const unknown = args.find((arg) => arg !== '--check');
  if (unknown !== undefined) {
    console.error(`unknown argument ${unknown}\n${HELP}`);
    return 2;
  }
  const contract = JSON.parse(readFileSync(join(ROOT, SOURCE), 'utf8'));
  const hash = hashOf(JSON.stringify({ ...contract, about: '' }));
  const outputs = [
    ['native/engine/contract.gen.h', cppHeader(contract, hash)],
    ['src/engine/contract.gen.ts', tsModule(contract, hash)],
  ];
  let stale = 0;
  for (const [path, text] of outputs) {
    const file = join(ROOT, path);
    if (!args.includes('--check')) {
      writeFileSync(file, text);
      continue;
    }
    let onDisk = '';
    try {
      onDisk = readFileSync(file, 'utf8');
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    if (onDisk !== text) {
      console.error(`${path} is not what ${SOURCE} says; run node scripts/gen-contract.mjs`);
      stale += 1;
    }
  }
  return stale === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
