// When each test job runs: no core is left idle while there is something to compute, and nothing with a deadline of real time is
// kept from meeting it.

/**
 * Runs the jobs in four classes (`runs` of a job):
 *
 *   anywhere  as many at a time as there are cores, before everything else
 *   timed     have deadlines, and mostly wait; `timedLanes` at a time
 *   alone     have deadlines and need the cores, one at a time after those
 *   behind    compute for minutes: one at a time in the processor time that timed and alone leave, and with them the preparations
 *             of all that is still to come
 *
 * @template {{runs: 'anywhere' | 'timed' | 'alone' | 'behind'}} Job
 * @param {readonly Job[]} jobs  in the order in which those of a class start
 * @param {object} how
 * @param {(job: Job) => Promise<void>} how.start    runs a job to its end, its preparation included; never rejects
 * @param {(job: Job) => Promise<unknown>} how.prepare  does the preparation that `start` will then find done; never rejects
 * @param {number} how.cores
 * @param {number} how.timedLanes
 */
export async function runInOrder(jobs, { start, prepare, cores, timedLanes }) {
  const of = (runs) => jobs.filter((job) => job.runs === runs);
  await inLanes(of('anywhere'), cores, start);
  const behind = goOnBehind(of('behind'), of('alone'), { start, prepare });
  await inLanes(of('timed'), timedLanes, start);
  await inLanes(of('alone'), 1, start);
  await behind;
}

/** All preparations first, and first of them those that the runner itself will wait for. */
async function goOnBehind(own, others, { start, prepare }) {
  await inLanes([...others, ...own], 1, prepare);
  await inLanes(own, 1, start);
}

async function inLanes(jobs, count, work) {
  const waiting = [...jobs];
  const lane = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await work(job);
  };
  await Promise.all(Array.from({ length: count }, lane));
}
