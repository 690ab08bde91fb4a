// What a fuzz target is, and the list of them.

export interface FuzzTarget {
  /** Folders of seed inputs, relative to the repository. */
  readonly seedFolders: readonly string[];
  /** Fragments of the format's structure that mutations put in. */
  readonly fragments: readonly string[];
  /** What parts one element of the structure from the next: mutations move, double and drop whole elements. */
  readonly separator: string;
  /**
   * Runs the parser on one input and checks what must hold of it.
   * @param draw uniform in [0, 1), the same for the same input of a run.
   * @throws when a property does not hold, or when the parser threw: both are findings.
   */
  run(input: Buffer, draw: () => number): void;
}

/** Throws unless a property holds. `what` names the property; a finding's report starts with it. */
export function expectProperty(holds: boolean, what: string): void {
  if (!holds) throw new Error(`property broken: ${what}`);
}
