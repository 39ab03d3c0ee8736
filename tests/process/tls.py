"""Certificates: tls.py unified HOSTS FOLDER STRANGER_FOLDER, where each port takes TLS and plain
text, or tls.py secure HOST FOLDER PLAIN_HOST, where HOST takes TLS alone. FOLDER has root.crt and,
signed by it, certificates of bob and of the super user boss; STRANGER_FOLDER has another bob."""
import socket
import ssl
import sys

from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.security import make_acl

WAIT_SECONDS = 30
# A handshake that fails does so at once.
REFUSED_SECONDS = 3
BOB = "CN=bob,O=Zablab"
LARGE = b"x" * 1_000_000


def client_of(hosts, folder, name=None, owner=None):
    options = {}
    if name is not None:
        own = f"{owner or folder}/{name}"
        options = {"certfile": f"{own}.crt", "keyfile": f"{own}.key"}
    return KazooClient(hosts=hosts, timeout=10, use_ssl=True, ca=f"{folder}/root.crt", **options)


def connect(hosts, folder, name):
    client = client_of(hosts, folder, name)
    client.start(timeout=WAIT_SECONDS)
    return client


def connect_plain(hosts):
    client = KazooClient(hosts=hosts, timeout=10)
    client.start(timeout=WAIT_SECONDS)
    return client


def not_let_in(client):
    try:
        client.start(timeout=REFUSED_SECONDS)
    except KazooTimeoutError:
        return
    raise AssertionError("it was let in")


def no_auth(call, *arguments):
    try:
        call(*arguments)
    except NoAuthError:
        return
    raise AssertionError(f"{call.__name__}{arguments} was allowed")


def word(host, folder, word):
    """The answer to a four-letter word over TLS."""
    context = ssl.create_default_context(cafile=f"{folder}/root.crt")
    context.load_cert_chain(f"{folder}/bob.crt", f"{folder}/bob.key")
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=WAIT_SECONDS) as plain:
        with context.wrap_socket(plain, server_hostname=name) as secured:
            secured.sendall(word)
            answer = b""
            while piece := secured.recv(4096):
                answer += piece
            return answer


def bobs_own(hosts, others, folder):
    """What only bob may read, what nobody else may, and what boss may."""
    bob = connect(hosts, folder, "bob")
    bob.create("/bobs", LARGE, acl=[make_acl("x509", BOB, all=True)])
    assert bob.get("/bobs")[0] == LARGE
    bob.create("/mine", b"", acl=[make_acl("auth", "", all=True)])
    acls, _ = bob.get_acls("/mine")
    assert [(acl.id.scheme, acl.id.id) for acl in acls] == [("x509", BOB)], acls
    nobody = connect_plain(others)
    no_auth(nobody.get, "/bobs")
    no_auth(nobody.set, "/mine", b"yours")
    nobody.stop()
    boss = connect(hosts, folder, "boss")
    boss.set("/bobs", b"seen")
    boss.stop()
    assert bob.get("/bobs")[0] == b"seen"
    bob.delete("/bobs")
    bob.delete("/mine")
    bob.stop()


def unified(hosts, folder, stranger):
    bobs_own(hosts, hosts, folder)
    for host in hosts.split(","):
        assert b"\nMode: " in word(host, folder, b"srvr")
    not_let_in(client_of(hosts, folder, "bob", stranger))
    not_let_in(client_of(hosts, folder))


def secure(host, folder, plain):
    name, port = host.split(":")
    for garbage in [b"ruok", b"\0\0\0\x2d" + b"\0" * 45, b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03"]:
        with socket.create_connection((name, int(port)), timeout=WAIT_SECONDS) as clear:
            clear.sendall(garbage)
            if garbage[0] != 0x16:
                answer = clear.recv(4096)
                # Nothing, or an alert of TLS.
                assert answer == b"" or answer[0] == 0x15, answer
    assert b"\nMode: standalone" in word(host, folder, b"srvr")
    bobs_own(host, plain, folder)


{"unified": unified, "secure": secure}[sys.argv[1]](*sys.argv[2:])
