"""Every recipe of kazoo between clients of different servers: recipes.py HOSTS"""
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import LockTimeout, NoAuthError
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.partitioner import SetPartitioner
from kazoo.recipe.watchers import ChildrenWatch, DataWatch
from kazoo.security import make_digest_acl

WAIT_SECONDS = 30


class Clients:
    """Clients that are closed with the test, in turn of different servers."""

    def __init__(self, hosts):
        self.hosts = hosts.split(",")
        self.open = []

    def new(self, **options):
        # Each begins with another server, and knows all of them.
        first = len(self.open) % len(self.hosts)
        hosts = ",".join(self.hosts[first:] + self.hosts[:first])
        client = KazooClient(hosts=hosts, randomize_hosts=False, timeout=10, **options)
        client.start(timeout=WAIT_SECONDS)
        self.open.append(client)
        return client

    def close(self):
        for client in self.open:
            client.stop()
            client.close()


def until(what, holds):
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, f"{what} does not come true"
        time.sleep(0.02)


def in_background(call):
    """Runs a call in a thread of its own; what it returns, or raises, is given by the result."""
    outcome = []

    def run():
        try:
            outcome.append((call(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result():
        thread.join(WAIT_SECONDS)
        assert outcome, f"{call} does not end"
        value, error = outcome[0]
        if error is not None:
            raise error
        return value

    result.is_waiting = thread.is_alive
    return result


def locks(clients):
    first, second, third = (clients.new() for _ in range(3))
    lock = first.Lock("/recipes/lock", "first")
    other = second.Lock("/recipes/lock", "second")
    assert lock.acquire()
    assert not other.acquire(blocking=False)
    try:
        other.acquire(timeout=0.3)
    except LockTimeout:
        pass
    else:
        raise AssertionError("two hold one lock")
    waiting = in_background(other.acquire)
    until("a contender waits", lambda: lock.contenders() == ["first", "second"])
    lock.release()
    assert waiting()
    # A session that ends gives its lock away.
    late = in_background(third.Lock("/recipes/lock", "third").acquire)
    until("a contender waits", lambda: other.contenders() == ["second", "third"])
    second.stop()
    assert late()

    counter = {"inside": 0, "most": 0, "done": 0}

    def work(client):
        for _ in range(5):
            with client.Lock("/recipes/mutex"):
                counter["inside"] += 1
                counter["most"] = max(counter["most"], counter["inside"])
                counter["done"] += 1
                counter["inside"] -= 1

    workers = [in_background(lambda client=client: work(client)) for client in (first, third)]
    for worker in workers:
        worker()
    assert counter == {"inside": 0, "most": 1, "done": 10}, counter


def shared_locks(clients):
    first, second, third = (clients.new() for _ in range(3))
    readers = [client.ReadLock("/recipes/shared") for client in (first, second)]
    assert all(reader.acquire(timeout=WAIT_SECONDS) for reader in readers)
    writer = third.WriteLock("/recipes/shared")
    assert not writer.acquire(blocking=False)
    waiting = in_background(writer.acquire)
    readers[0].release()
    time.sleep(0.2)
    assert waiting.is_waiting(), "a writer writes beside a reader"
    readers[1].release()
    assert waiting()
    assert not readers[0].acquire(blocking=False)
    writer.release()


def semaphores(clients):
    first, second, third = (clients.new() for _ in range(3))
    held = [client.Semaphore("/recipes/semaphore", max_leases=2) for client in (first, second)]
    assert all(one.acquire() for one in held)
    late = third.Semaphore("/recipes/semaphore", max_leases=2)
    assert not late.acquire(blocking=False)
    waiting = in_background(late.acquire)
    held[0].release()
    assert waiting()
    assert len(late.lease_holders()) == 2


def barriers(clients):
    first, second = clients.new(), clients.new()
    barrier = first.Barrier("/recipes/barrier")
    barrier.create()
    other = second.Barrier("/recipes/barrier")
    until("the barrier is seen", lambda: second.exists("/recipes/barrier"))
    waiting = in_background(lambda: other.wait(WAIT_SECONDS))
    time.sleep(0.2)
    assert waiting.is_waiting()
    barrier.remove()
    assert waiting()

    doubles = [client.DoubleBarrier("/recipes/double", 2) for client in (first, second)]
    entering = in_background(doubles[0].enter)
    time.sleep(0.2)
    assert entering.is_waiting()
    doubles[1].enter()
    entering()
    leaving = in_background(doubles[0].leave)
    time.sleep(0.2)
    assert leaving.is_waiting()
    doubles[1].leave()
    leaving()


def election(clients):
    first, second = clients.new(), clients.new()
    led, resign = [], threading.Event()

    def lead(name, wait):
        led.append(name)
        if wait:
            assert resign.wait(WAIT_SECONDS)

    one = first.Election("/recipes/election", "first")
    other = second.Election("/recipes/election", "second")
    leading = in_background(lambda: one.run(lead, "first", True))
    until("somebody leads", lambda: led == ["first"])
    following = in_background(lambda: other.run(lead, "second", False))
    until("both stand", lambda: one.contenders() == ["first", "second"])
    assert led == ["first"]
    resign.set()
    leading()
    following()
    assert led == ["first", "second"], led


def queues(clients):
    first, second = clients.new(), clients.new()
    queue, other = first.Queue("/recipes/queue"), second.Queue("/recipes/queue")
    for value, priority in ((b"late", 100), (b"soon", 50), (b"later", 100)):
        queue.put(value, priority=priority)
    second.sync("/recipes/queue")
    assert len(other) == 3
    assert [other.get(), queue.get(), queue.get()] == [b"soon", b"late", b"later"]
    assert queue.get() is None

    locking, taker = first.LockingQueue("/recipes/locking"), second.LockingQueue("/recipes/locking")
    locking.put_all([b"one", b"two"])
    assert taker.get(WAIT_SECONDS) == b"one" and taker.holds_lock()
    assert taker.consume()
    assert locking.get(WAIT_SECONDS) == b"two"
    assert locking.release()
    assert taker.get(WAIT_SECONDS) == b"two"
    assert taker.consume()
    waiting = in_background(lambda: taker.get(WAIT_SECONDS))
    locking.put(b"three")
    assert waiting() == b"three"


def counters(clients):
    workers = [clients.new() for _ in range(3)]

    def count(client):
        counter = client.Counter("/recipes/counter")
        for _ in range(10):
            counter += 1

    for result in [in_background(lambda client=client: count(client)) for client in workers]:
        result()
    workers[0].sync("/recipes/counter")
    assert workers[0].Counter("/recipes/counter").value == 30


def parties(clients):
    first, second = clients.new(), clients.new()
    party, other = first.Party("/recipes/party", "first"), second.Party("/recipes/party", "second")
    party.join()
    other.join()
    until("all are there", lambda: sorted(party) == ["first", "second"])
    assert len(other) >= 1
    second.stop()
    until("one has left", lambda: list(party) == ["first"])
    shallow = first.ShallowParty("/recipes/shallow", "first")
    shallow.join()
    assert list(shallow) == ["first"]


def watchers(clients):
    watching, writing = clients.new(), clients.new()
    writing.ensure_path("/recipes/watched")
    lists, values = [], []
    watching.sync("/recipes/watched")
    ChildrenWatch(watching, "/recipes/watched", lambda names: lists.append(sorted(names)))
    DataWatch(watching, "/recipes/watched/a", lambda data, stat: values.append(data))
    until("the first call comes", lambda: lists == [[]] and values == [None])
    writing.create("/recipes/watched/a", b"1")
    until("a create is seen", lambda: lists[-1] == ["a"] and values[-1] == b"1")
    for number in range(2, 30):
        writing.set("/recipes/watched/a", str(number).encode())
    until("the last value is seen", lambda: values[-1] == b"29")
    writing.delete("/recipes/watched/a")
    until("a delete is seen", lambda: lists[-1] == [] and values[-1] is None)


def tree_caches(clients):
    watching, writing = clients.new(), clients.new()
    writing.ensure_path("/recipes/tree")
    watching.sync("/recipes/tree")
    cache, events = TreeCache(watching, "/recipes/tree"), []
    cache.listen(lambda event: events.append(event.event_type))
    cache.start()
    until("the cache is there", lambda: TreeEvent.INITIALIZED in events)
    for name in ("a", "a/b", "a/b/c", "d"):
        writing.create(f"/recipes/tree/{name}", name.encode())
    data = lambda name: cache.get_data(f"/recipes/tree/{name}", None)
    until("the cache is filled", lambda: data("a/b/c") and data("d"))
    assert data("a/b/c").data == b"a/b/c"
    assert cache.get_children("/recipes/tree") == frozenset(("a", "d"))
    writing.set("/recipes/tree/a/b", b"new")
    until("a change is seen", lambda: data("a/b").data == b"new")
    writing.delete("/recipes/tree/a", recursive=True)
    until("deletes are seen", lambda: data("a") is None and data("a/b/c") is None)
    cache.close()


def partitions(clients):
    names = [f"part-{number}" for number in range(6)]
    owners = [clients.new() for _ in range(2)]
    partitioners = [
        SetPartitioner(owner, "/recipes/partitions", names, identifier=f"owner-{number}",
                       time_boundary=0.5)
        for number, owner in enumerate(owners)
    ]

    def all_have():
        for partitioner in partitioners:
            assert not partitioner.failed
            if partitioner.release:
                partitioner.release_set()
            elif partitioner.allocating:
                partitioner.wait_for_acquire(0.2)
        shares = [set(partitioner) for partitioner in partitioners if partitioner.acquired]
        return len(shares) == 2 and set.union(*shares) == set(names) and not set.intersection(*shares)

    until("everybody has a share", all_have)
    for partitioner in partitioners:
        partitioner.finish()


def access_lists(clients):
    owner = clients.new(auth_data=[("digest", "ann:secret")])
    stranger = clients.new()
    owner.ensure_path("/recipes")
    private = make_digest_acl("ann", "secret", all=True)
    owner.create("/recipes/private", b"hush", acl=[private])
    stranger.sync("/recipes")
    for refused in (
        lambda: stranger.get("/recipes/private"),
        lambda: stranger.set("/recipes/private", b""),
        lambda: stranger.create("/recipes/private/child"),
        lambda: stranger.set_acls("/recipes/private", [private]),
    ):
        try:
            refused()
        except NoAuthError:
            continue
        raise AssertionError("a list keeps nobody out")
    assert owner.get_acls("/recipes/private")[0] == [private]
    stranger.add_auth("digest", "ann:secret")
    assert stranger.get("/recipes/private")[0] == b"hush"
    with stranger.transaction() as transaction:
        transaction.set_data("/recipes/private", b"told")
        transaction.create("/recipes/private/child", b"")
    assert owner.get("/recipes/private")[1].version == 1


def under_way(clients):
    """Reads, writes and syncs of one client, all sent before the first is answered."""
    client = clients.new()
    client.ensure_path("/recipes/many")
    results = []
    for number in range(200):
        results.append(client.create_async(f"/recipes/many/{number}", b"1"))
        results.append(client.sync_async("/recipes/many"))
        results.append(client.set_async(f"/recipes/many/{number}", b"2"))
        results.append(client.get_async(f"/recipes/many/{number}"))
    values = [result.get(timeout=WAIT_SECONDS) for result in results]
    assert all(value[0] == b"2" for value in values[3::4])


def main(hosts):
    for recipe in (
        locks,
        shared_locks,
        semaphores,
        barriers,
        election,
        queues,
        counters,
        parties,
        watchers,
        tree_caches,
        partitions,
        access_lists,
        under_way,
    ):
        clients, began = Clients(hosts), time.monotonic()
        recipe(clients)
        clients.close()
        print(f"{recipe.__name__} {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
