// What the two programs share: checks that report themselves.
import { isDeepStrictEqual } from 'node:util';
import { readFileSync } from 'node:fs';

export const host = process.env.SERVER_HOST;
export const port = Number(process.env.SERVER_PORT);
export const tlsPort = Number(process.env.SERVER_TLS_PORT);
export const ca = readFileSync(process.env.SERVER_CA);

let failed = 0;

export async function check(name, test) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in 30 s')), 30000);
  });
  try {
    await Promise.race([test(), late]);
    console.log('ok', name);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}: ${e.message}`);
  }
  clearTimeout(timer);
}

export function equal(got, want) {
  const plain = (v) => (v && typeof v === 'object' && !Array.isArray(v) ? { ...v } : v);
  if (!isDeepStrictEqual(plain(got), plain(want))) {
    throw new Error(`got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}

export function end() {
  process.exit(failed ? 1 : 0);
}
