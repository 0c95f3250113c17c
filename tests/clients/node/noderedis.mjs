// Uses the server as an application on node-redis does. See ../doc.go.
import { createClient, defineScript } from 'redis';
import { ca, check, end, equal, host, port, tlsPort } from './common.mjs';

const scripts = {
  double: defineScript({
    NUMBER_OF_KEYS: 1,
    SCRIPT: "return redis.call('incrby', KEYS[1], ARGV[1]) * 2",
    parseCommand(parser, key, n) {
      parser.pushKey(key);
      parser.push(String(n));
    },
    transformReply: (v) => v,
  }),
};
const r = createClient({ socket: { host, port }, scripts });
r.on('error', (e) => console.log('FAIL connection:', e.message));
await r.connect();
await r.flushAll();

await check('connect', async () => {
  equal(await r.ping(), 'PONG');
  const old = createClient({ socket: { host, port }, RESP: 2, name: 'node', database: 2 });
  await old.connect();
  equal(await old.clientGetName(), 'node');
  await old.close();
});

await check('strings', async () => {
  equal(await r.set('s', 'v', { EX: 100, NX: true }), 'OK');
  equal(await r.set('s', 'w', { NX: true }), null);
  equal(await r.mGet(['s', 'none']), ['v', null]);
  equal(await r.incrBy('n', 41), 41);
});

await check('hashes', async () => {
  equal(await r.hSet('h', { a: '1', b: '2' }), 2);
  equal(await r.hGetAll('h'), { a: '1', b: '2' });
  equal(await r.hExpire('h', 'a', 100), [1]);
});

await check('lists', async () => {
  equal(await r.rPush('l', ['1', '2', '3']), 3);
  equal(await r.blPop('l', 5), { key: 'l', element: '1' });
  equal(await r.lRange('l', 0, -1), ['2', '3']);
});

await check('sorted sets', async () => {
  equal(await r.zAdd('z', [{ score: 1, value: 'a' }, { score: 2.5, value: 'b' }]), 2);
  const pairs = await r.zRangeWithScores('z', 0, -1);
  equal(pairs.map((p) => [p.value, p.score]), [['a', 1], ['b', 2.5]]);
});

await check('pub/sub', async () => {
  const sub = r.duplicate();
  await sub.connect();
  let heard;
  const message = new Promise((resolve) => { heard = resolve; });
  await sub.subscribe('news', (text, channel) => heard([channel, text]));
  equal(await r.publish('news', 'hello'), 1);
  equal(await message, ['news', 'hello']);
  await sub.unsubscribe('news');
  await sub.close();
});

await check('transactions', async () => {
  equal(await r.multi().set('t', '1').incr('t').exec(), ['OK', 2]);
});

await check('scripts', async () => {
  equal(await r.double('script', 21), 42);
  equal(await r.double('script', 0), 42);
});

await check('TLS', async () => {
  const secure = createClient({ socket: { host, port: tlsPort, tls: true, ca, servername: 'localhost' } });
  await secure.connect();
  equal(await secure.set('tls', 'yes'), 'OK');
  equal(await secure.get('tls'), 'yes');
  await secure.close();
});

end();
