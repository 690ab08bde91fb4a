// A source file seen three ways: its code with comments and string contents blanked out (so that a word in a comment
// is no use of it), its comments, and what it imports. Positions stay true: blanked text keeps its length and lines.
import ts from 'typescript';

/**
 * @typedef {object} Source
 * @property {string} path      from the root, with forward slashes
 * @property {string} text
 * @property {string} code      the text with comments and the inside of strings blanked
 * @property {{line: number, text: string}[]} comments  one entry a comment line, without its marks
 * @property {{line: number, specifier: string, system: boolean}[]} imports
 * @property {number[]} anyLines  lines where TypeScript's `any` stands
 */

/** @returns {Source} */
export function readTypeScript(path, text) {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const chars = text.split('');
  const comments = [];
  const anyLines = [];
  const lineAt = (position) => file.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node) => {
    if (node.getChildCount(file) > 0) {
      for (const child of node.getChildren(file)) visit(child);
      return;
    }
    const start = node.getStart(file);
    const trivia = text.slice(node.getFullStart(), start);
    if (trivia.trim() !== '') comments.push(...commentLines(trivia, lineAt(node.getFullStart())));
    blank(chars, node.getFullStart(), start);
    if (hasStringText(node)) blank(chars, start + 1, node.getEnd() - 1);
    if (node.kind === ts.SyntaxKind.AnyKeyword) anyLines.push(lineAt(start));
  };
  visit(file);
  const { importedFiles } = ts.preProcessFile(text, true, true);
  const imports = importedFiles.map(({ fileName, pos }) => ({
    line: lineAt(pos),
    specifier: fileName,
    system: false,
  }));
  return { path, text, code: chars.join(''), comments, imports, anyLines };
}

function hasStringText(node) {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isRegularExpressionLiteral(node) ||
    ts.isTemplateHead(node) ||
    ts.isTemplateMiddle(node) ||
    ts.isTemplateTail(node)
  );
}

function blank(chars, from, to) {
  for (let index = from; index < to; index += 1) if (chars[index] !== '\n') chars[index] = ' ';
}

/** Comment, string or character literal of C++, raw strings first because they may hold any of the others. */
const CPP_LEXEMES =
  /R"([^()\s\\]{0,16})\([\s\S]*?\)\1"|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|(?<![\w])'(?:[^'\\\n]|\\.)+'/g;
const INCLUDE = /^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]/gm;

/** @returns {Source} */
export function readCpp(path, text) {
  const lineAt = lineFinder(text);
  const comments = [];
  const imports = [...text.matchAll(INCLUDE)].map((match) => ({
    line: lineAt(match.index),
    specifier: match[2],
    system: match[1] === '<',
  }));
  const code = text.replace(CPP_LEXEMES, (lexeme, ...rest) => {
    if (lexeme.startsWith('//') || lexeme.startsWith('/*'))
      comments.push(...commentLines(lexeme, lineAt(rest.at(-2))));
    return lexeme.replace(/[^\n]/g, ' ');
  });
  return { path, text, code, comments, imports, anyLines: [] };
}

/** A file in which only its text matters. @returns {Source} */
export function readPlain(path, text) {
  return { path, text, code: '', comments: [], imports: [], anyLines: [] };
}

function commentLines(text, firstLine) {
  return text
    .split('\n')
    .map((line, index) => ({
      line: firstLine + index,
      text: line.replace(/^\s*(\/\/+[/!]?|\/\*+|\*+\/?)?\s?/, '').replace(/\s*\*\/\s*$/, ''),
    }))
    .filter(({ text: words }) => words.trim() !== '');
}

/** @returns {(position: number) => number} the line, from 1, of a position in the text */
export function lineFinder(text) {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (position) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
