// Chance is handed down: the shell gives a cryptographic source, simulation a seeded one.

export interface Random {
  /** Uniform in [0, 1). */
  draw(): number;
  /** `bytes` random bytes as lower-case hex. */
  hex(bytes: number): string;
}

/**
 * A seeded source for simulation and tests (xoshiro128**). Never for tags, branches or keys on the wire.
 * @param seed any 32-bit integer.
 */
export function seededRandom(seed: number): Random {
  const state = new Uint32Array(4);
  let mix = seed >>> 0;
  for (let i = 0; i < 4; i += 1) {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    state[i] = (z ^ (z >>> 16)) >>> 0;
  }
  const rotl = (x: number, k: number): number => ((x << k) | (x >>> (32 - k))) >>> 0;
  const next = (): number => {
    const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = state;
    const result = Math.imul(rotl(Math.imul(s1, 5) >>> 0, 7), 9) >>> 0;
    const t = (s1 << 9) >>> 0;
    const a2 = s2 ^ s0;
    const a3 = s3 ^ s1;
    state[1] = s1 ^ a2;
    state[0] = s0 ^ a3;
    state[2] = a2 ^ t;
    state[3] = rotl(a3 >>> 0, 11);
    return result;
  };
  return {
    draw: () => next() / 0x1_0000_0000,
    hex: (bytes) => {
      let text = '';
      while (text.length < bytes * 2) text += next().toString(16).padStart(8, '0');
      return text.slice(0, bytes * 2);
    },
  };
}
