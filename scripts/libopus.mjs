// Tells the two builds of the addon (binding.gyp, native/CMakeLists.txt) what libopus is made of: files, folders and
// definitions. The source lies in the package @discordjs/opus, of which nothing else is used; which files make up the
// library is read from libopus's own lists (*.mk). Why so: docs/decisions/010-libopus-from-a-package.md.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

const HELP = `usage: node scripts/libopus.mjs plain|sse4_1|includes|defines|public|lists [ARCH]

Prints, one a line and relative to the repository's root where it is a path:

  plain     the files that every machine of this kind can run
  sse4_1    the files to be compiled with -msse4.1; none unless ARCH is x64
  includes  the folders in which the library's files look for headers
  defines   what to define in every file of the library
  public    the folder with the header for those who use the library
  lists     the files that the answers above were read from
  ARCH      x64 or arm64, as Node names them; this machine's when left out
  --help    this text

Ends with 1 and says why when the package isn't there.`;

/** Of libopus's own lists, those that make the floating-point library for one or two channels. */
const LISTS = {
  plain: {
    'celt_sources.mk': ['CELT_SOURCES'],
    'silk_sources.mk': ['SILK_SOURCES', 'SILK_SOURCES_FLOAT'],
    'opus_sources.mk': ['OPUS_SOURCES', 'OPUS_SOURCES_FLOAT'],
  },
  // Every x86-64 machine has SSE2, so these need neither flags nor a question at run time.
  sse2: { 'celt_sources.mk': ['CELT_SOURCES_SSE', 'CELT_SOURCES_SSE2'] },
  sse4_1: {
    'celt_sources.mk': ['CELT_SOURCES_SSE4_1'],
    'silk_sources.mk': ['SILK_SOURCES_SSE4_1'],
  },
};

/** Surround sound, which no telephone call has, and the search for music, which no call of ours makes. */
const UNUSED = /multistream|projection|mapping_matrix|src\/(analysis|mlp)/;

/** Ours in place of theirs: the same file without the memory that the search for music takes. */
const ENCODER = { theirs: 'src/opus_encoder.c', ours: 'native/codec/libopus_encoder.c' };

/** Asks the processor for SSE 4.1 at run time, and takes SSE and SSE2 for granted. */
const X64_DEFINES = [
  'OPUS_HAVE_RTCD',
  'CPU_INFO_BY_C',
  'OPUS_X86_MAY_HAVE_SSE',
  'OPUS_X86_PRESUME_SSE',
  'OPUS_X86_MAY_HAVE_SSE2',
  'OPUS_X86_PRESUME_SSE2',
  'OPUS_X86_MAY_HAVE_SSE4_1',
];

const ARCHS = ['x64', 'arm64'];

/** A library that can't be described, with the one sentence that says why. */
export class LibopusMissing extends Error {}

/**
 * @param {{arch?: string, root?: string}} [options] Node's name of the processor; the folder that paths count from
 * @returns {Record<'plain' | 'sse4_1' | 'includes' | 'defines' | 'public' | 'lists', string[]>}
 * @throws LibopusMissing
 */
export function describeLibopus({ arch = process.arch, root = ROOT } = {}) {
  if (!ARCHS.includes(arch)) {
    throw new LibopusMissing(`libopus is built for ${ARCHS.join(' and ')}, not for "${arch}"`);
  }
  const folder = findSource(root);
  const shown = (path) => relative(root, path) || '.';
  const filesOf = (lists) =>
    Object.entries(lists).flatMap(([file, names]) =>
      names.flatMap((name) => readList(join(folder, 'opus', file), name)),
    );
  const paths = (lists) =>
    filesOf(lists)
      .filter((path) => !UNUSED.test(path))
      .map((path) =>
        shown(path === ENCODER.theirs ? join(ROOT, ENCODER.ours) : join(folder, 'opus', path)),
      );
  const x64 = arch === 'x64';
  return {
    plain: [...paths(LISTS.plain), ...(x64 ? paths(LISTS.sse2) : [])],
    sse4_1: x64 ? paths(LISTS.sse4_1) : [],
    includes: [
      ...['include', '.', 'celt', 'silk', 'silk/float'].map((path) => join(folder, 'opus', path)),
      join(folder, 'config', 'opus', 'linux', arch),
    ].map(shown),
    // ENABLE_HARDENING ends the process where the library finds that it has lost track of itself, instead of going on
    // into memory that isn't its own. OPUS_EXPORT= keeps its functions inside the addon.
    defines: [
      ...['HAVE_CONFIG_H', 'PIC', 'ENABLE_HARDENING', 'OPUS_EXPORT='],
      ...(x64 ? X64_DEFINES : []),
    ],
    public: [shown(join(folder, 'opus', 'include'))],
    lists: Object.keys(LISTS.plain).map((file) => shown(join(folder, 'opus', file))),
  };
}

/** The folder `deps` of the package, wherever npm has put it. */
function findSource(root) {
  try {
    const require = createRequire(join(root, 'package.json'));
    return join(dirname(require.resolve('@discordjs/opus/package.json')), 'deps');
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    throw new LibopusMissing(
      'the package @discordjs/opus, which holds the source of libopus, is missing: run npm ci --ignore-scripts',
    );
  }
}

/** One variable of a makefile: `NAME = a.c b.c`, with a backslash where it goes on in the next line. */
function readList(file, name) {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const value = new RegExp(`^${name}[ \\t]*=((?:.*\\\\\\r?\\n)*.*)$`, 'm').exec(text)?.[1];
  const files = (value ?? '').split(/[\s\\]+/).filter(Boolean);
  if (files.length === 0) throw new LibopusMissing(`${file} has no list ${name}`);
  return files;
}

function main(args) {
  if (args.includes('--help')) {
    console.log(HELP);
    return 0;
  }
  const [what, arch, ...rest] = args;
  try {
    const answer = describeLibopus(arch === undefined ? {} : { arch })[what];
    if (answer === undefined || rest.length > 0) {
      console.error(`"${args.join(' ')}" is not understood.\n\n${HELP}`);
      return 64;
    }
    for (const line of answer) console.log(line);
    return 0;
  } catch (error) {
    if (!(error instanceof LibopusMissing)) throw error;
    console.error(`libopus: ${error.message}`);
    return 1;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = main(process.argv.slice(2));
}
