import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.Response;
import redis.clients.jedis.params.SetParams;

/** Uses the server as an application on Jedis does. See ../doc.go. */
class JedisCheck {
    public static void main(String[] args) throws Exception {
        HostAndPort address = new HostAndPort(Check.HOST, Check.PORT);
        Jedis r = new Jedis(address, DefaultJedisClientConfig.builder().resp3().build());
        r.flushAll();

        Check.run("connect", () -> {
            Check.equal(r.ping(), "PONG");
            try (Jedis old = new Jedis(address, DefaultJedisClientConfig.builder().clientName("java").database(2).build())) {
                Check.equal(old.clientGetname(), "java");
            }
        });
        Check.run("strings", () -> {
            Check.equal(r.set("s", "v", SetParams.setParams().nx().ex(100)), "OK");
            Check.equal(r.set("s", "w", SetParams.setParams().nx()), null);
            Check.equal(r.get("s"), "v");
            Check.equal(r.incrBy("n", 41), 41L);
        });
        Check.run("hashes", () -> {
            Check.equal(r.hset("h", Map.of("a", "1", "b", "2")), 2L);
            Check.equal(r.hgetAll("h"), Map.of("a", "1", "b", "2"));
        });
        Check.run("lists", () -> {
            Check.equal(r.rpush("l", "1", "2", "3"), 3L);
            Check.equal(r.blpop(5, "l"), List.of("l", "1"));
            Check.equal(r.lrange("l", 0, -1), List.of("2", "3"));
        });
        Check.run("sorted sets", () -> {
            Check.equal(r.zadd("z", Map.of("a", 1.0, "b", 2.5)), 2L);
            Check.equal(r.zrangeWithScores("z", 0, -1).get(1).getScore(), 2.5);
            Check.equal(r.zrank("z", "b"), 1L);
        });
        Check.run("pub/sub", () -> {
            AtomicReference<String> heard = new AtomicReference<>();
            CountDownLatch ready = new CountDownLatch(1);
            JedisPubSub listener = new JedisPubSub() {
                @Override
                public void onSubscribe(String channel, int count) {
                    ready.countDown();
                }

                @Override
                public void onMessage(String channel, String message) {
                    heard.set(channel + " " + message);
                    unsubscribe();
                }
            };
            Thread thread = new Thread(() -> {
                try (Jedis sub = new Jedis(address)) {
                    sub.subscribe(listener, "news");
                }
            });
            thread.start();
            ready.await(30, TimeUnit.SECONDS);
            Check.equal(r.publish("news", "hello"), 1L);
            thread.join(30000);
            Check.equal(heard.get(), "news hello");
        });
        Check.run("transactions", () -> {
            var t = r.multi();
            t.set("t", "1");
            Response<Long> n = t.incr("t");
            t.exec();
            Check.equal(n.get(), 2L);
        });
        Check.run("scripts", () -> {
            String sha = r.scriptLoad("return redis.call('incrby', KEYS[1], ARGV[1]) * 2");
            Check.equal(r.evalsha(sha, 1, "script", "21"), 42L);
        });
        Check.run("TLS", () -> {
            var config = DefaultJedisClientConfig.builder().ssl(true).sslSocketFactory(Check.trust().getSocketFactory()).build();
            try (Jedis secure = new Jedis(new HostAndPort(Check.HOST, Check.TLS_PORT), config)) {
                Check.equal(secure.set("tls", "yes"), "OK");
                Check.equal(secure.get("tls"), "yes");
            }
        });
        Check.end();
    }
}
