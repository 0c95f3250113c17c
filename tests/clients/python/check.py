"""Uses the server as an application on redis-py does. See ../doc.go."""
import os
import sys
import threading
import time

import redis

HOST = os.environ["SERVER_HOST"]
PORT = int(os.environ["SERVER_PORT"])
failed = []


def check(name):
    def run(test):
        try:
            test()
            print("ok", name)
        except Exception as e:  # every failure is reported, whatever it is
            failed.append(name)
            print(f"FAIL {name}: {type(e).__name__}: {e}")
        return test
    return run


def equal(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def client(**options):
    return redis.Redis(host=HOST, port=PORT, decode_responses=True, **options)


r = client()
r.flushall()


@check("connect")
def connect():
    equal(r.ping(), True)
    named = client(client_name="python", db=3)
    equal(named.client_getname(), "python")
    equal(named.client_info()["db"], 3)
    old = client(protocol=2)
    equal(old.ping(), True)
    if "redis_version" not in r.info():
        raise AssertionError("INFO has no redis_version")


@check("strings")
def strings():
    equal(r.set("s", "v", ex=100, nx=True), True)
    equal(r.set("s", "w", nx=True), None)
    equal(r.get("s"), "v")
    equal(r.getex("s", persist=True), "v")
    equal(r.ttl("s"), -1)
    equal(r.incrby("n", 41), 41)
    equal(r.incrbyfloat("f", 1.5), 1.5)
    equal(r.mget("s", "none", "n"), ["v", None, "41"])


@check("hashes")
def hashes():
    equal(r.hset("h", mapping={"a": 1, "b": 2}), 2)
    equal(r.hgetall("h"), {"a": "1", "b": "2"})
    equal(r.hincrby("h", "a", 5), 6)
    equal(r.hexpire("h", 100, "b"), [1])
    equal(sorted(dict(r.hscan_iter("h"))), ["a", "b"])


@check("lists")
def lists():
    equal(r.rpush("l", 1, 2, 3), 3)
    equal(r.lrange("l", 0, -1), ["1", "2", "3"])
    equal(list(r.blpop("l", timeout=5)), ["l", "1"])
    equal(r.lmove("l", "m", "LEFT", "RIGHT"), "2")


@check("a client that waits")
def waits():
    got = []
    waiter = threading.Thread(target=lambda: got.append(client().blpop(["queue"], timeout=20)))
    waiter.start()
    deadline = time.time() + 20
    while int(r.info("clients")["blocked_clients"]) == 0 and time.time() < deadline:
        time.sleep(0.01)
    r.rpush("queue", "job")
    waiter.join()
    equal([list(x) for x in got], [["queue", "job"]])


@check("sorted sets")
def zsets():
    equal(r.zadd("z", {"a": 1, "b": 2.5}), 2)
    equal([list(p) for p in r.zrange("z", 0, -1, withscores=True)], [["a", 1.0], ["b", 2.5]])
    equal(r.zrank("z", "b"), 1)
    equal(r.zscore("z", "b"), 2.5)


@check("sets")
def sets():
    equal(r.sadd("x", "a", "b"), 2)
    equal(r.smembers("x"), {"a", "b"})


@check("streams")
def streams():
    first = r.xadd("events", {"k": "v"}, id="1-1")
    equal(first, "1-1")
    equal(r.xlen("events"), 1)
    equal(r.xrange("events"), [("1-1", {"k": "v"})])
    r.xgroup_create("events", "g", id="0")
    reply = r.xreadgroup("g", "me", {"events": ">"})
    entries = reply["events"][0] if isinstance(reply, dict) else reply[0][1]
    equal(entries, [("1-1", {"k": "v"})])
    equal(r.xack("events", "g", "1-1"), 1)


@check("pub/sub")
def pubsub():
    p = r.pubsub()
    p.subscribe("news")
    p.psubscribe("ne*")
    seen = [p.get_message(timeout=10)["type"] for _ in range(2)]
    equal(seen, ["subscribe", "psubscribe"])
    equal(r.publish("news", "hello"), 2)
    equal(sorted(p.get_message(timeout=10)["type"] for _ in range(2)), ["message", "pmessage"])
    p.close()


@check("transactions")
def transactions():
    with r.pipeline() as pipe:
        pipe.watch("t")
        pipe.multi()
        pipe.set("t", 1).incr("t")
        equal(pipe.execute(), [True, 2])
        pipe.watch("t")
        r.set("t", "changed")
        pipe.multi()
        pipe.set("t", "lost")
        try:
            pipe.execute()
            raise AssertionError("a watched key changed and EXEC went on")
        except redis.WatchError:
            pass


@check("scripts")
def scripts():
    double = r.register_script("return redis.call('incrby', KEYS[1], ARGV[1]) * 2")
    equal(double(keys=["script"], args=[21]), 42)
    equal(r.script_exists(double.sha), [True])
    with r.lock("lock", timeout=10):
        equal(r.set("lock", "x", nx=True), None)
    equal(r.exists("lock"), 0)


@check("locks")
def locks():
    with r.lock("lock", timeout=10, thread_local=False) as held:
        equal(held.owned(), True)
        equal(held.extend(5), True)
        equal(r.lock("lock", timeout=10).acquire(blocking=False), False)
    fields = lambda x: x if isinstance(x, dict) else dict(zip(x[::2], x[1::2]))
    got = fields(r.execute_command("LOCK.ACQUIRE", "own", "a", "TTL", 10000))
    equal(got["acquired"], 1)
    equal(fields(r.execute_command("LOCK.ACQUIRE", "own", "b", "TTL", 10000, "WAIT", 10))["holder"], "a")
    equal(bool(r.execute_command("FENCED", "own", got["token"], "SET", "fenced", "yes")), True)
    try:
        r.execute_command("FENCED", "own", got["token"] - 1, "SET", "fenced", "no")
        raise AssertionError("an old token")
    except redis.ResponseError as e:
        equal(str(e).split()[0], "FENCED")
    equal(fields(r.execute_command("LOCK.RELEASE", "own", "a", "TOKEN", got["token"]))["released"], 1)
    equal(r.mget("fenced", "own"), ["yes", None])


@check("TLS")
def tls():
    secure = redis.Redis(host=HOST, port=int(os.environ["SERVER_TLS_PORT"]), ssl=True,
                         ssl_ca_certs=os.environ["SERVER_CA"], decode_responses=True)
    equal(secure.set("tls", "yes"), True)
    equal(secure.get("tls"), "yes")


sys.exit(1 if failed else 0)
