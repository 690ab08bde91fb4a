// How cross checks hand over what they find: they know the setting, the reader knows where it stands.
import type { Path, SchemaReader } from './read.ts';

/** What is found about one setting. */
export interface Finding {
  /** As it should be shown; null when there is nothing to show. */
  readonly value: string | null;
  readonly problem: string;
  readonly allowed?: string;
}

export class Reporter {
  readonly #reader: SchemaReader;

  constructor(reader: SchemaReader) {
    this.#reader = reader;
  }

  /** Where a map or list read from the file stands in it. */
  pathOf(value: object): Path {
    return this.#reader.pathOf(value);
  }

  /** Where an entry of a list read from the file stands in it. */
  itemPathOf(list: readonly unknown[], index: number): Path {
    return this.#reader.itemPathOf(list, index);
  }

  /** Whether the setting itself is free of errors, so that a finding about it is no mere consequence of one. */
  isSound(path: Path): boolean {
    return this.#reader.isSound(path);
  }

  error(path: Path, finding: Finding): void {
    this.#reader.report('error', { path, allowed: null, ...finding });
  }

  warn(path: Path, finding: Finding): void {
    this.#reader.report('warning', { path, allowed: null, ...finding });
  }
}
