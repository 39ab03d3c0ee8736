"""SASL DIGEST-MD5: sasl.py HOSTS; the servers know the user bob with the password bobsecret, and
the super user boss with the password bosssecret."""
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError
from kazoo.protocol.states import KeeperState
from kazoo.security import make_acl

WAIT_SECONDS = 30
AUTH_FAILED = KeeperState.AUTH_FAILED


def client_of(hosts, user=None, password=None):
    options = None
    if user is not None:
        options = {"mechanism": "DIGEST-MD5", "username": user, "password": password}
    return KazooClient(hosts=hosts, timeout=10, sasl_options=options)


def connect(hosts, *credentials):
    client = client_of(hosts, *credentials)
    client.start(timeout=WAIT_SECONDS)
    return client


def refused(call, *arguments):
    try:
        call(*arguments)
    except NoAuthError:
        return
    raise AssertionError(f"{call.__name__}{arguments} was allowed")


def main(hosts):
    bob = connect(hosts, "bob", "bobsecret")
    bob.create("/bobs", b"mine", acl=[make_acl("sasl", "bob", all=True)])
    assert bob.get("/bobs")[0] == b"mine"
    bob.stop()

    nobody = connect(hosts)
    refused(nobody.get, "/bobs")
    refused(nobody.set, "/bobs", b"yours")
    nobody.stop()

    boss = connect(hosts, "boss", "bosssecret")
    boss.set("/bobs", b"seen")
    boss.stop()

    # The session is there before the proof, so the client learns of its failure later.
    failed = threading.Event()
    eve = client_of(hosts, "bob", "wrong")
    eve.add_listener(lambda state: failed.set() if eve.client_state == AUTH_FAILED else None)
    eve.start_async()
    assert failed.wait(WAIT_SECONDS), f"a wrong password was taken: {eve.client_state}"
    eve.stop()

    bob = connect(hosts, "bob", "bobsecret")
    assert bob.get("/bobs")[0] == b"seen"
    bob.delete("/bobs")
    bob.stop()


main(sys.argv[1])
