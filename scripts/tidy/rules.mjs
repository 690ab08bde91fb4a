// The house rules that a script can see, each a function from sources to findings. A finding names the line, the rule
// and what to do instead.
import { lineFinder } from './source.mjs';

/**
 * @typedef {import('./source.mjs').Source} Source
 * @typedef {{path: string, line: number, rule: string, message: string}} Finding
 */

const finding = (source, line, rule, message) => ({ path: source.path, line, rule, message });

/** Rooms import downwards only, and another room's `index.ts` or headers only. @returns {Finding[]} */
export function checkLayers(source, { rooms }) {
  const [tree, room] = source.path.split('/');
  const table = rooms[tree];
  if (table === undefined || !source.path.includes('/', tree.length + 1)) return [];
  if (!Object.hasOwn(table, room)) {
    return [
      finding(
        source,
        1,
        'layers',
        `the room ${tree}/${room} is not in scripts/layers.json; add it with the rooms it may import`,
      ),
    ];
  }
  const allowed = table[room];
  return source.imports.flatMap(({ line, specifier, system }) => {
    const target = system
      ? null
      : tree === 'src'
        ? resolveModule(source.path, specifier)
        : resolveInclude(specifier, table);
    if (target === null || target.room === room) return [];
    if (target.room === null)
      return [
        finding(source, line, 'layers', `${specifier} leads out of src; only src may be imported`),
      ];
    if (allowed !== '*' && !allowed.includes(target.room)) {
      const instead =
        'return an output or announce on the bus, and let server/compose.ts join the rooms';
      return [finding(source, line, 'layers', `${room} may not import ${target.room}; ${instead}`)];
    }
    if (tree === 'src' && target.rest !== 'index.ts') {
      return [
        finding(
          source,
          line,
          'layers',
          `import ../${target.room}/index.ts: the other files are that room's own`,
        ),
      ];
    }
    return [];
  });
}

/** @returns {{room: string | null, rest: string} | null} null for a package */
function resolveModule(path, specifier) {
  if (!specifier.startsWith('.')) return null;
  const parts = path.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts[0] === 'src' && parts.length > 1
    ? { room: parts[1], rest: parts.slice(2).join('/') }
    : { room: null, rest: '' };
}

function resolveInclude(specifier, table) {
  const [room, ...rest] = specifier.split('/');
  return rest.length > 0 && Object.hasOwn(table, room) ? { room, rest: rest.join('/') } : null;
}

/** Words and modules that only some rooms may use. @returns {Finding[]} */
export function checkReserved(source, { reserved }) {
  const [tree] = source.path.split('/');
  const lineAt = lineFinder(source.code);
  return reserved
    .filter(
      (rule) => rule.in === tree && !rule.allowed.some((place) => source.path.startsWith(place)),
    )
    .flatMap((rule) => {
      const message = (what) =>
        `${what} (${rule.power}) is ${rule.allowed.length === 0 ? 'used nowhere' : `reserved to ${rule.allowed.join(', ')}`}; ${rule.instead}`;
      const words = (rule.words ?? []).flatMap((pattern) =>
        [...source.code.matchAll(new RegExp(pattern, 'g'))].map((match) =>
          finding(source, lineAt(match.index), 'reserved', message(match[0])),
        ),
      );
      const isReserved = ({ specifier, system }) =>
        (rule.imports ?? []).some((pattern) => new RegExp(pattern).test(specifier)) ||
        // A header in quotes may be the system's too when a build adds its folder.
        (rule.includes ?? []).some(
          (pattern) => (system || !specifier.includes('/')) && new RegExp(pattern).test(specifier),
        );
      const imports = source.imports
        .filter(isReserved)
        .map(({ line, specifier }) => finding(source, line, 'reserved', message(specifier)));
      return [...words, ...imports];
    });
}

/** @returns {Finding[]} */
export function checkSize(source, { files }) {
  const lines = source.text.split('\n').length - 1;
  if (lines <= files.linesMax || files.generated.includes(source.path)) return [];
  return [
    finding(
      source,
      lines,
      'size',
      `${lines} lines, at most ${files.linesMax}; split the file by what it is about`,
    ),
  ];
}

/** Each file says first what it is for; a .cc with a header of its own leaves that to the header. @returns {Finding[]} */
export function checkOpening(source) {
  const first = source.text.split('\n').find((line) => !line.startsWith('#!')) ?? '';
  if (/^(\/\/|\/\*)/.test(first)) return [];
  const header = /([^/]+)\.cc$/.exec(source.path)?.[1];
  if (
    header !== undefined &&
    source.imports.some(({ specifier }) => specifier.split('/').at(-1) === `${header}.h`)
  )
    return [];
  return [
    finding(
      source,
      1,
      'opening',
      'open the file with a comment: what it is for and what it leaves to others',
    ),
  ];
}

const CODE_LINE = [
  /^(const|let|var|return|throw|await|import|export)\s.*;$/,
  /^(if|for|while|switch)\s*\(.*\)\s*\{?$/,
  /^[\w.#>[\]-]+(\(.*\)|\s*[-+|&]?=\s*.+);$/,
  /^\}\s*(else\b.*)?$/,
];

/** Nothing half done: no unfinished marks, no switched-off tests, no code in comments. @returns {Finding[]} */
export function checkFinished(source) {
  const lineAt = lineFinder(source.code);
  const found = (pattern, rule, message) =>
    [...source.code.matchAll(pattern)].map((match) =>
      finding(source, lineAt(match.index), rule, message),
    );
  const marks = source.comments.filter(
    ({ text }) => /\b(FIXME|XXX)\b/.test(text) || /\bTODO\b(?!\s*\(#\d+\))/.test(text),
  );
  const dead = source.comments.filter(({ text }) =>
    CODE_LINE.some((pattern) => pattern.test(text.trim())),
  );
  return [
    ...source.anyLines.map((line) =>
      finding(source, line, 'any', 'take `unknown` and check it once, in one parser'),
    ),
    ...found(
      /\b(test|suite)\s*\.\s*(skip|only)\b/g,
      'skip',
      'only the runner skips, by a `// needs:` line; nothing runs alone',
    ),
    ...marks.map(({ line }) =>
      finding(source, line, 'unfinished', 'finish it, or write TODO(#issue) with what is missing'),
    ),
    ...dead.map(({ line }) =>
      finding(source, line, 'dead code', 'remove code in comments; git remembers it'),
    ),
  ];
}

/** A file of tests must run them: uvu passes silently otherwise. @returns {Finding[]} */
export function checkTestRuns(source) {
  if (
    !source.path.endsWith('.test.ts') ||
    /\btest\s*\.\s*run\(\s*\)|\.run\(\s*\);/.test(source.code)
  )
    return [];
  return [
    finding(
      source,
      1,
      'test',
      'end the file with test.run(): uvu runs nothing otherwise and says nothing',
    ),
  ];
}

/** Folders that name one machine, and the address of the registry that a package once came from. */
const PLACES = [
  {
    pattern: /(?<![\w.~-])\/(home|root|work|Users|mnt)\/[\w.-]+/g,
    message: 'names a folder of one machine; build the path from the project root',
  },
  {
    pattern: /"resolved": "https?:\/\/[^"]*/g,
    message: 'names a registry; .npmrc keeps them out of the lockfile',
  },
];

/** Nothing in the tree depends on where it was written. @returns {Finding[]} */
export function checkPlaces(source) {
  const lineAt = lineFinder(source.text);
  return PLACES.flatMap(({ pattern, message }) =>
    [...source.text.matchAll(pattern)].map((match) =>
      finding(source, lineAt(match.index), 'place', `${match[0]} ${message}`),
    ),
  );
}

/**
 * The list of rooms in src/README.md and the folders of src are the same.
 * @param {Source} readme
 * @param {readonly string[]} folders
 * @returns {Finding[]}
 */
export function checkRoomList(readme, folders) {
  const listed = new Map();
  for (const [index, line] of readme.text.split('\n').entries()) {
    const name = /^[-|]\s*`([a-z0-9]+)\/?`/.exec(line)?.[1];
    if (name !== undefined) listed.set(name, index + 1);
  }
  const missing = folders.filter((name) => !listed.has(name));
  const gone = [...listed].filter(([name]) => !folders.includes(name));
  return [
    ...missing.map((name) =>
      finding(
        readme,
        1,
        'rooms',
        `src/${name} is missing in the list; say in one line what it does`,
      ),
    ),
    ...gone.map(([name, line]) =>
      finding(readme, line, 'rooms', `src/${name} does not exist; remove its line`),
    ),
  ];
}

/**
 * A change of behaviour is told to the users.
 * @param {readonly string[]} changed paths that differ from the previous commit
 * @returns {Finding[]}
 */
export function checkChange(changed) {
  const code = changed.find((path) => /^(src|native)\/.*\.(ts|cc|h)$/.test(path));
  if (code === undefined || changed.includes('CHANGELOG.md')) return [];
  const message = `${code} changed; say under "Unreleased" what a user notices, or what was rebuilt inside`;
  return [{ path: 'CHANGELOG.md', line: 1, rule: 'changelog', message }];
}
