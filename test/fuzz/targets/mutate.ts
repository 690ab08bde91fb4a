// Structure-aware mutation: elements are moved, doubled, dropped and crossed with those of another seed; only then are
// single bytes changed. Deterministic in what it draws.
import type { FuzzTarget } from './target.ts';

/** Largest input, in bytes: the largest message of a stream and a little more. */
const INPUT_BYTES_MAX = 66_000;
const INTERESTING = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\t',
  ' ',
  '"',
  '<',
  '>',
  ';',
  ',',
  ':',
  '=',
  '\\',
  '%',
  '@',
  '[',
  ']',
  '\xa0',
  '\xff',
  '-1',
  '0',
  '4294967296',
  '99999999999999999999',
];

/** Makes one input of the seeds. */
export function mutate(seeds: readonly Buffer[], target: FuzzTarget, draw: () => number): Buffer {
  const below = (limit: number): number => Math.floor(draw() * limit);
  const pick = <T>(items: readonly T[], otherwise: T): T => items[below(items.length)] ?? otherwise;
  let text = pick(seeds, Buffer.alloc(0)).toString('latin1');
  const other = pick(seeds, Buffer.alloc(0)).toString('latin1').split(target.separator);
  for (let step = 1 + below(6); step > 0; step -= 1) {
    text =
      draw() < 0.5
        ? changeElements(text, other, target, below, pick)
        : changeBytes(text, target, below, pick);
  }
  return Buffer.from(text.slice(0, INPUT_BYTES_MAX), 'latin1');
}

type Below = (limit: number) => number;
type Pick = <T>(items: readonly T[], otherwise: T) => T;

function changeElements(
  text: string,
  other: readonly string[],
  target: FuzzTarget,
  below: Below,
  pick: Pick,
): string {
  const elements = text.split(target.separator);
  const at = below(elements.length);
  const element = elements[at] ?? '';
  switch (below(7)) {
    case 0:
      elements.splice(at, 1);
      break;
    case 1:
      elements.splice(at, 0, ...Array.from({ length: 1 + below(4) }, () => element));
      break;
    case 2:
      elements.splice(below(elements.length), 0, ...elements.splice(at, 1));
      break;
    case 3:
      elements.splice(at, 0, pick(other, ''));
      break;
    case 4:
      elements.splice(at, 0, pick(target.fragments, ''));
      break;
    case 5:
      elements[at] =
        element.slice(0, below(element.length + 1)) +
        pick(target.fragments, '') +
        element.slice(below(element.length + 1));
      break;
    default:
      // Long repeats find what isn't linear.
      elements[at] =
        element +
        pick([pick(INTERESTING, ' '), pick(target.fragments, ' ')], ' ').repeat(
          1 + below(below(2_000) + 1),
        );
  }
  return elements.join(target.separator);
}

function changeBytes(text: string, target: FuzzTarget, below: Below, pick: Pick): string {
  const at = below(text.length + 1);
  switch (below(4)) {
    case 0:
      return text.slice(0, at) + pick(INTERESTING, '') + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + below(8));
    case 2:
      return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
    default:
      return text.slice(0, at) + pick(target.fragments, '') + text.slice(at + below(3));
  }
}
