// Uses the server as an application on ioredis does. See ../doc.go.
import Redis from 'ioredis';
import { ca, check, end, equal, host, port, tlsPort } from './common.mjs';

const r = new Redis({ host, port });
await r.flushall();

await check('connect', async () => {
  equal(await r.ping(), 'PONG');
  const named = new Redis({ host, port, connectionName: 'node', db: 2 });
  equal(await named.client('GETNAME'), 'node');
  named.disconnect();
});

await check('strings', async () => {
  equal(await r.set('s', 'v', 'EX', 100, 'NX'), 'OK');
  equal(await r.set('s', 'w', 'NX'), null);
  equal(await r.mget('s', 'none'), ['v', null]);
  equal(await r.incrby('n', 41), 41);
});

await check('hashes', async () => {
  equal(await r.hset('h', { a: 1, b: 2 }), 2);
  equal(await r.hgetall('h'), { a: '1', b: '2' });
});

await check('lists', async () => {
  equal(await r.rpush('l', 1, 2, 3), 3);
  equal(await r.blpop('l', 5), ['l', '1']);
  equal(await r.lrange('l', 0, -1), ['2', '3']);
});

await check('sorted sets', async () => {
  equal(await r.zadd('z', 1, 'a', 2.5, 'b'), 2);
  equal(await r.zrank('z', 'b'), 1);
});

await check('pub/sub', async () => {
  const sub = new Redis({ host, port });
  const message = new Promise((resolve) => sub.on('message', (channel, text) => resolve([channel, text])));
  equal(await sub.subscribe('news'), 1);
  equal(await r.publish('news', 'hello'), 1);
  equal(await message, ['news', 'hello']);
  equal(await sub.unsubscribe(), 0);
  sub.disconnect();
});

await check('transactions', async () => {
  const replies = await r.multi().set('t', 1).incr('t').exec();
  equal(replies, [[null, 'OK'], [null, 2]]);
});

await check('pipelines', async () => {
  const p = r.pipeline();
  for (let i = 0; i < 1000; i++) p.set(`p${i}`, i);
  equal((await p.exec()).every(([e, v]) => e === null && v === 'OK'), true);
});

await check('scripts', async () => {
  r.defineCommand('double', { numberOfKeys: 1, lua: "return redis.call('incrby', KEYS[1], ARGV[1]) * 2" });
  equal(await r.double('script', 21), 42);
  equal(await r.double('script', 0), 42);
});

await check('TLS', async () => {
  const secure = new Redis({ host, port: tlsPort, tls: { ca, servername: 'localhost' } });
  equal(await secure.set('tls', 'yes'), 'OK');
  equal(await secure.get('tls'), 'yes');
  secure.disconnect();
});

end();
