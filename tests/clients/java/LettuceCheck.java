import io.lettuce.core.ClientOptions;
import io.lettuce.core.KeyValue;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.SetArgs;
import io.lettuce.core.SslOptions;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import java.io.File;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Uses the server as an application on Lettuce does. See ../doc.go. */
class LettuceCheck {
    public static void main(String[] args) throws Exception {
        RedisClient client = RedisClient.create(RedisURI.create(Check.HOST, Check.PORT));
        var r = client.connect().sync();
        r.flushall();

        Check.run("connect", () -> {
            Check.equal(r.ping(), "PONG");
            RedisURI named = RedisURI.builder().withHost(Check.HOST).withPort(Check.PORT).withClientName("java").withDatabase(2).build();
            try (var c = client.connect(named)) {
                Check.equal(c.sync().clientGetname(), "java");
            }
        });
        Check.run("strings", () -> {
            Check.equal(r.set("s", "v", SetArgs.Builder.nx().ex(100)), "OK");
            Check.equal(r.set("s", "w", SetArgs.Builder.nx()), null);
            Check.equal(r.incrby("n", 41), 41L);
        });
        Check.run("hashes", () -> {
            Check.equal(r.hset("h", Map.of("a", "1", "b", "2")), 2L);
            Check.equal(r.hgetall("h"), Map.of("a", "1", "b", "2"));
        });
        Check.run("lists", () -> {
            Check.equal(r.rpush("l", "1", "2", "3"), 3L);
            Check.equal(r.blpop(5, "l"), KeyValue.just("l", "1"));
            Check.equal(r.lrange("l", 0, -1), List.of("2", "3"));
        });
        Check.run("sorted sets", () -> {
            Check.equal(r.zadd("z", 2.5, "b"), 1L);
            Check.equal(r.zscore("z", "b"), 2.5);
        });
        Check.run("pub/sub", () -> {
            try (var sub = client.connectPubSub()) {
                CompletableFuture<String> heard = new CompletableFuture<>();
                sub.addListener(new RedisPubSubAdapter<>() {
                    @Override
                    public void message(String channel, String message) {
                        heard.complete(channel + " " + message);
                    }
                });
                sub.sync().subscribe("news");
                Check.equal(r.publish("news", "hello"), 1L);
                Check.equal(heard.get(30, TimeUnit.SECONDS), "news hello");
            }
        });
        Check.run("transactions", () -> {
            r.multi();
            r.set("t", "1");
            r.incr("t");
            var replies = r.exec();
            Check.equal(List.of(replies.get(0), replies.get(1)), List.of("OK", 2L));
        });
        Check.run("scripts", () -> {
            String sha = r.scriptLoad("return redis.call('incrby', KEYS[1], ARGV[1]) * 2");
            Check.equal(r.evalsha(sha, ScriptOutputType.INTEGER, new String[] {"script"}, "21"), 42L);
        });
        Check.run("TLS", () -> {
            RedisURI uri = RedisURI.builder().withHost(Check.HOST).withPort(Check.TLS_PORT).withSsl(true).build();
            RedisClient secure = RedisClient.create(uri);
            secure.setOptions(ClientOptions.builder()
                .sslOptions(SslOptions.builder().trustManager(new File(Check.CA)).build()).build());
            try (var c = secure.connect()) {
                Check.equal(c.sync().set("tls", "yes"), "OK");
                Check.equal(c.sync().get("tls"), "yes");
            }
            secure.shutdown();
        });
        client.shutdown();
        Check.end();
    }
}
