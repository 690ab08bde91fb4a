// Commands of a document, so that tests run what people are told to type.

/** Every command of the `sh` blocks under a heading, one entry a block. */
export function commandsUnder(markdown: string, heading: string): string[] {
  const start = markdown.indexOf(`\n## ${heading}\n`);
  if (start === -1) throw new Error(`no heading "${heading}"`);
  const end = markdown.indexOf('\n## ', start + 1);
  const part = markdown.slice(start, end === -1 ? markdown.length : end);
  return [...part.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block.trim());
}
