"""The operations of everyday, by an unmodified client: basics.py HOSTS

HOSTS is a connect string; what is written through all of it is read back on each server.
"""
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadVersionError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)

WAIT_SECONDS = 20


def connect(hosts):
    client = KazooClient(hosts=hosts, timeout=10)
    client.start(timeout=WAIT_SECONDS)
    return client


def raises(error, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except error:
        return
    raise AssertionError(f"{call.__name__}{arguments} does not raise {error.__name__}")


def create_get_set_delete(zk):
    assert zk.create("/basics", b"one") == "/basics"
    raises(NodeExistsError, zk.create, "/basics")
    raises(NoNodeError, zk.create, "/missing/child")
    data, stat = zk.get("/basics")
    assert data == b"one", data
    assert (stat.version, stat.cversion, stat.ephemeralOwner) == (0, 0, 0), stat
    assert stat.czxid == stat.mzxid == stat.pzxid and stat.dataLength == 3, stat
    changed = zk.set("/basics", b"two", version=0)
    assert changed.version == 1 and changed.mzxid > changed.czxid, changed
    raises(BadVersionError, zk.set, "/basics", b"three", version=0)
    raises(NoNodeError, zk.set, "/missing", b"")
    assert zk.get("/basics")[0] == b"two"
    assert zk.exists("/missing") is None
    path, stat = zk.create("/basics/with-stat", b"", include_data=True)
    assert path == "/basics/with-stat" and stat.version == 0, stat
    raises(BadVersionError, zk.delete, "/basics/with-stat", version=5)
    raises(NotEmptyError, zk.delete, "/basics")
    zk.delete("/basics/with-stat", version=0)
    raises(NoNodeError, zk.delete, "/basics/with-stat")


def children(zk):
    for name in ("a", "b", "c"):
        zk.create(f"/basics/{name}", name.encode())
    zk.delete("/basics/b")
    names, stat = zk.get_children("/basics", include_data=True)
    assert sorted(names) == ["a", "c"], names
    # One create and delete before, three creates and one delete now.
    assert (stat.cversion, stat.numChildren) == (6, 2), stat
    assert "zookeeper" in zk.get_children("/")
    raises(NoNodeError, zk.get_children, "/missing")


def watches(zk, other):
    events = []
    seen = threading.Event()

    def watch(event):
        events.append((event.type, event.path))
        seen.set()

    def next_event():
        assert seen.wait(WAIT_SECONDS), "no event came"
        seen.clear()
        return events[-1]

    zk.get("/basics", watch=watch)
    other.set("/basics", b"three")
    assert next_event() == ("CHANGED", "/basics")
    other.set("/basics", b"four")
    zk.get_children("/basics", watch=watch)
    other.create("/basics/watched")
    assert next_event() == ("CHILD", "/basics")
    zk.exists("/basics/later", watch=watch)
    other.create("/basics/later")
    assert next_event() == ("CREATED", "/basics/later")
    zk.exists("/basics/later", watch=watch)
    other.delete("/basics/later")
    assert next_event() == ("DELETED", "/basics/later")
    assert len(events) == 4, events


def ephemerals(zk, hosts):
    owner = connect(hosts)
    owner.create("/basics/ephemeral", b"mine", ephemeral=True)
    session = owner.client_id[0]
    zk.sync("/basics")
    assert zk.get("/basics/ephemeral")[1].ephemeralOwner == session
    raises(NoChildrenForEphemeralsError, zk.create, "/basics/ephemeral/child")
    gone = threading.Event()
    zk.exists("/basics/ephemeral", watch=lambda event: gone.set())
    owner.stop()
    owner.close()
    assert gone.wait(WAIT_SECONDS), "an ephemeral znode outlived its session"
    assert zk.exists("/basics/ephemeral") is None


def sequences(zk):
    zk.create("/basics/queue")
    made = [zk.create("/basics/queue/job-", b"", sequence=True) for _ in range(3)]
    assert made == [f"/basics/queue/job-{n:010}" for n in range(3)], made
    both = zk.create("/basics/queue/job-", b"", sequence=True, ephemeral=True)
    assert both == "/basics/queue/job-0000000003", both


def transactions(zk):
    transaction = zk.transaction()
    transaction.check("/basics", version=zk.exists("/basics").version)
    transaction.create("/basics/t", b"1")
    transaction.set_data("/basics/t", b"2")
    transaction.create("/basics/t/u", b"")
    transaction.delete("/basics/t/u")
    results = transaction.commit()
    assert results[0] is True and results[1] == "/basics/t" and results[3:] == ["/basics/t/u", True], results
    assert results[2].version == 1, results
    assert zk.get("/basics/t")[0] == b"2"

    transaction = zk.transaction()
    transaction.create("/basics/never", b"")
    transaction.check("/basics/t", version=7)
    transaction.delete("/basics/t")
    results = transaction.commit()
    kinds = [type(result) for result in results]
    assert kinds == [RolledBackError, BadVersionError, RuntimeInconsistency], results
    assert zk.exists("/basics/never") is None and zk.exists("/basics/t") is not None


def same_on_every_server(hosts):
    trees = []
    for host in hosts.split(","):
        zk = connect(host)
        zk.sync("/basics")
        names = sorted(zk.get_children("/basics"))
        trees.append([(name, zk.get(f"/basics/{name}")) for name in names])
        zk.stop()
        zk.close()
    assert all(tree == trees[0] for tree in trees), trees


def main(hosts):
    # Two clients of different servers, if there are several.
    zk = connect(hosts.split(",")[0])
    other = connect(hosts.split(",")[-1])
    create_get_set_delete(zk)
    children(zk)
    watches(zk, other)
    ephemerals(zk, hosts)
    sequences(zk)
    transactions(zk)
    for client in (zk, other):
        client.stop()
        client.close()
    same_on_every_server(hosts)
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
