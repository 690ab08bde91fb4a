// Running child programs from the scripts: one at a time with plain progress lines, or bounded with a time limit.
// A child gets a process group of its own, so that a program which hangs takes its own children with it.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/** Process groups that are alive, by the pid of their leader. */
const groups = new Set();

/** Ends every group that is still alive; for the runner's own end. */
export function killGroups() {
  for (const pid of groups) killGroup(pid);
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // The group has ended by itself.
    if (error.code !== 'ESRCH') throw error;
  }
}

/**
 * Runs a program to its end and keeps what it printed.
 * @param {readonly string[]} command  program and arguments
 * @param {{cwd?: string, env?: Record<string, string | undefined>, limitS?: number, show?: boolean, yields?: boolean}} options
 *   `limitS`: seconds before the whole process group is killed; none = no limit. `show`: output goes to our own. `yields`: it
 *   gets what processor time the others leave.
 * @returns {Promise<{ok: boolean, code: number | null, signal: string | null, timedOut: boolean, output: string,
 *   seconds: number, problem: string | null}>} `problem` says in words why `ok` is false.
 */
export function run(
  command,
  { cwd, env = process.env, limitS, show = false, yields = false } = {},
) {
  const startedMs = performance.now();
  const [program, ...args] = command;
  return new Promise((resolve) => {
    const stdio = show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'];
    const child = spawn(program, args, { cwd, env, stdio, detached: true });
    const chunks = [];
    let timedOut = false;
    let spawnError = null;
    if (child.pid !== undefined) {
      groups.add(child.pid);
      if (yields) makeYield(child.pid);
    }
    const timer =
      limitS === undefined
        ? null
        : setTimeout(() => {
            timedOut = true;
            if (child.pid !== undefined) killGroup(child.pid);
          }, limitS * 1000);
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => {
      spawnError = error;
    });
    // What the leader left behind would hold the pipes open for ever: 'close' comes only once the group is gone.
    child.on('exit', () => killGroup(child.pid));
    child.on('close', (code, signal) => {
      if (timer !== null) clearTimeout(timer);
      groups.delete(child.pid);
      const problem = describe({ code, signal, timedOut, spawnError, limitS });
      const output = Buffer.concat(chunks).toString('utf8');
      const seconds = (performance.now() - startedMs) / 1000;
      resolve({ ok: problem === null, code, signal, timedOut, output, seconds, problem });
    });
  });
}

/**
 * Lets everyone else go first. Linux shares time among the groups that a desktop's scheduler makes of what was started together
 * (CONFIG_SCHED_AUTOGROUP) before it looks at single processes, and so the group gives way too, where there are such.
 */
function makeYield(pid) {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
    writeFileSync(`/proc/${pid}/autogroup`, String(constants.priority.PRIORITY_LOW));
  } catch {
    // It has ended, or this system has no such groups.
  }
}

function describe({ code, signal, timedOut, spawnError, limitS }) {
  if (spawnError !== null) return `can't be run: ${spawnError.message}`;
  if (timedOut) return `killed at its time limit of ${limitS} s`;
  if (signal !== null) return `ended by ${signal}`;
  if (code !== 0) return `exit code ${code}`;
  return null;
}

/** `12.3 s`, or `2 min 05 s` from a minute on. */
export function durationText(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** Removes the escape sequences of coloured output. */
export function plainText(text) {
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
}
