// "Did you mean": the known key that a mistyped one is nearest to.

/**
 * Picks the nearest key, by edits (insert, delete, replace, swap neighbours) on lower-case letters without `_` and `-`.
 * @returns null when none is near: more than a third of the letters would have to change.
 */
export function nearestKey(key: string, known: readonly string[]): string | null {
  const wanted = plain(key).slice(0, KEY_CHARS_MAX);
  let best: string | null = null;
  let leastEdits = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const edits = editDistance(wanted, plain(candidate));
    if (edits < leastEdits) {
      best = candidate;
      leastEdits = edits;
    }
  }
  return best;
}

const KEY_CHARS_MAX = 64;

function plain(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, '');
}

/** Optimal string alignment distance; three rows of the usual table. */
function editDistance(a: string, b: string): number {
  let twoBack: number[] = [];
  let back = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let edits = Math.min(
        (back[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (back[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) edits = Math.min(edits, (twoBack[column - 2] ?? 0) + 1);
      current.push(edits);
    }
    twoBack = back;
    back = current;
  }
  return back[b.length] ?? 0;
}
