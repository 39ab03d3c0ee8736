"""Sessions that only their server has: local_sessions.py refused|upgraded HOST OTHER

HOST and OTHER are two servers of one ensemble; `upgraded` if a local session may become one of it.
"""
import socket
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import EphemeralOnLocalSessionError
from kazoo.protocol.states import KazooState

WAIT_SECONDS = 60


def connect(hosts, client_id=None):
    client = KazooClient(hosts=hosts, timeout=10, client_id=client_id)
    lost = threading.Event()
    client.add_listener(lambda state: lost.set() if state == KazooState.LOST else None)
    client.start(timeout=WAIT_SECONDS)
    return client, lost


def metric(host, key):
    address, port = host.split(":")
    with socket.create_connection((address, int(port)), timeout=5) as connection:
        connection.sendall(b"mntr")
        text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return int(next(line.split("\t")[1] for line in text.splitlines() if line.split("\t")[0] == key))


def counts(host):
    return metric(host, "zk_local_sessions"), metric(host, "zk_global_sessions")


def main(what, host, other):
    zk, _ = connect(host)
    session, password = zk.client_id
    assert counts(host) == (1, 0), counts(host)
    assert counts(other) == (0, 0), counts(other)
    zk.create("/local", b"one")
    assert zk.set("/local", b"two").version == 1
    zk.create("/local/s-", sequence=True)
    zk.sync("/local")

    if what == "refused":
        for transacted in (False, True):
            try:
                if transacted:
                    transaction = zk.transaction()
                    transaction.create("/local/multi")
                    transaction.create("/local/mine", ephemeral=True)
                    [_, result] = transaction.commit()
                    raise result
                zk.create("/local/mine", ephemeral=True)
            except EphemeralOnLocalSessionError:
                continue
            raise AssertionError("a local session has an ephemeral znode")
        assert counts(host) == (1, 0) and zk.exists("/local/multi") is None
        # Nobody else has it.
        moved, _ = connect(other, (session, password))
        assert moved.client_id[0] != session, "a local session moved"
        moved.stop()
    else:
        zk.create("/local/mine", ephemeral=True)
        assert zk.exists("/local/mine").ephemeralOwner == session
        assert counts(host) == (0, 1), counts(host)
        # It moves as any other, and its znodes stay until it ends.
        moved, _ = connect(other, (session, password))
        assert moved.client_id[0] == session, "the session did not move"
        moved.sync("/local")
        assert moved.exists("/local/mine").ephemeralOwner == session
        moved.stop()
        reader, _ = connect(other)
        assert reader.exists("/local/mine") is None
        reader.stop()
    zk.stop()
    zk, _ = connect(host)
    assert counts(host) == (1, 0), counts(host)
    zk.stop()
    assert counts(host) == (0, 0), counts(host)


main(*sys.argv[1:])
