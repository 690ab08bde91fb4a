// Curves of delay against loss as a drawing: one small diagram for each trace, loss on a logarithmic axis.
import type { Curve, Curves } from './jitter.ts';

const WIDTH = 320;
const HEIGHT = 220;
const MARGIN = { left: 44, right: 12, top: 24, bottom: 34 } as const;
const COLUMNS = 3;
const LOSS = { min: 0.001, max: 0.1 } as const;
const COLOURS: ReadonlyMap<string, string> = new Map([
  ['ours@turn', '#0b3d66'],
  ['ours@10', '#0b62a4'],
  ['ours@20', '#6aaed6'],
  ['speexdsp@20', '#d9822b'],
  ['hindsight', '#444444'],
  ['hindsight@10', '#999999'],
]);

/** An SVG document. @param traces the curves of each trace, by the buffer's name. */
export function plotText(traces: ReadonlyMap<string, Curves>): string {
  const rows = Math.ceil(traces.size / COLUMNS);
  const [width, height] = [COLUMNS * WIDTH, rows * HEIGHT + 30];
  const diagrams = [...traces].map(([trace, curves], index) => {
    const x = (index % COLUMNS) * WIDTH;
    const y = Math.floor(index / COLUMNS) * HEIGHT + 30;
    return `<g transform="translate(${x} ${y})">${diagram(trace, curves)}</g>`;
  });
  const legend = [...COLOURS].map(([name, colour], index) => {
    const x = 20 + 130 * index;
    return `<rect x="${x}" y="10" width="14" height="4" fill="${colour}"/><text x="${x + 20}" y="16">${name}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...legend,
    ...diagrams,
    '</svg>',
    '',
  ].join('\n');
}

function diagram(trace: string, curves: Curves): string {
  const shown = [...curves].map(([name, curve]) => ({
    name,
    curve: curve.filter(({ loss }) => loss >= LOSS.min && loss <= LOSS.max),
  }));
  const delays = shown.flatMap(({ curve }) => curve.map(({ delayMs }) => delayMs));
  const delayMax = Math.max(10, ...delays) * 1.1;
  const [right, bottom] = [WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom];
  const x = (loss: number): number =>
    MARGIN.left +
    ((right - MARGIN.left) * Math.log(loss / LOSS.min)) / Math.log(LOSS.max / LOSS.min);
  const y = (delayMs: number): number => bottom - ((bottom - MARGIN.top) * delayMs) / delayMax;
  const path = (curve: Curve): string =>
    curve.map(({ loss, delayMs }) => `${x(loss).toFixed(1)},${y(delayMs).toFixed(1)}`).join(' ');
  const lossTicks = [0.001, 0.01, 0.1].map(
    (loss) =>
      `<text x="${x(loss).toFixed(1)}" y="${bottom + 14}" text-anchor="middle">${100 * loss} %</text>`,
  );
  const delayTicks = [0, 0.5, 1].map((share) => {
    const at = y(share * delayMax);
    return `<text x="${MARGIN.left - 4}" y="${(at + 4).toFixed(1)}" text-anchor="end">${(share * delayMax).toFixed(0)}</text>`;
  });
  return [
    `<text x="${MARGIN.left}" y="16" font-weight="bold">${trace}</text>`,
    `<path d="M${MARGIN.left} ${MARGIN.top}V${bottom}H${right}" fill="none" stroke="#999999"/>`,
    `<text x="${right}" y="${bottom + 28}" text-anchor="end">loss; delay in ms</text>`,
    ...lossTicks,
    ...delayTicks,
    ...shown.map(
      ({ name, curve }) =>
        `<polyline points="${path(curve)}" fill="none" stroke="${COLOURS.get(name) ?? '#000000'}" stroke-width="1.5"/>`,
    ),
  ].join('');
}
