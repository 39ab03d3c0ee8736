"""Reads without a leader: read_only.py write|read|return HOSTS

write: a znode is made. read: HOSTS is a server without a leader, which serves reads to a client
that asks for no more, and nothing to another one. return: such a client is connected, says so,
and writes when there is a leader again.
"""
import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import NotReadOnlyCallError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import KeeperState

WAIT_SECONDS = 60
REFUSED_SECONDS = 5


def connect(hosts, read_only=False, seconds=WAIT_SECONDS):
    client = KazooClient(hosts=hosts, timeout=10, read_only=read_only)
    client.start(timeout=seconds)
    return client


def write(hosts):
    zk = connect(hosts)
    zk.create("/read-only", b"one")
    zk.stop()


def refused(zk, call, *arguments):
    try:
        call(*arguments)
    except NotReadOnlyCallError:
        return
    raise AssertionError(f"{call.__name__}{arguments} was done without a leader")


def read(hosts):
    zk = connect(hosts, read_only=True)
    assert zk.client_state == KeeperState.CONNECTED_RO, zk.client_state
    data, stat = zk.get("/read-only")
    assert (data, stat.version) == (b"one", 0), (data, stat)
    assert "read-only" in zk.get_children("/", watch=lambda event: None)
    assert zk.exists("/missing") is None
    refused(zk, zk.create, "/refused")
    refused(zk, zk.set, "/read-only", b"two")
    refused(zk, zk.delete, "/read-only")
    refused(zk, zk.sync, "/")
    # Longer than its timeout: pings keep the session.
    session = zk.client_id
    time.sleep(12)
    assert zk.client_state == KeeperState.CONNECTED_RO, zk.client_state
    assert zk.client_id == session and zk.get("/read-only")[0] == b"one"
    zk.stop()
    try:
        connect(hosts, seconds=REFUSED_SECONDS)
    except KazooTimeoutError:
        return
    raise AssertionError("a client that may write was taken")


def come_back(hosts):
    zk = connect(hosts, read_only=True)
    assert zk.client_state == KeeperState.CONNECTED_RO, zk.client_state
    print("read-only", flush=True)
    end = time.monotonic() + WAIT_SECONDS
    while zk.client_state != KeeperState.CONNECTED:
        assert time.monotonic() < end, zk.client_state
        time.sleep(0.1)
    zk.retry(zk.set, "/read-only", b"two")
    assert zk.get("/read-only")[0] == b"two"
    zk.stop()


{"write": write, "read": read, "return": come_back}[sys.argv[1]](sys.argv[2])
