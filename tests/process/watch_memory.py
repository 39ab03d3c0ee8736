"""What a million watches cost a server: watch_memory.py ZABLAB

ZABLAB is the binary. A thousand connections set a thousand watches each, once all on the same
thousand paths and once each on a path of its own; the memory that the process has got since the
connections stood idle is divided by the watches. Both sides need some 1,100 open files. Linux.
"""
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONNECTIONS = 1000
WATCHES_EACH = 1000
WATCHES = CONNECTIONS * WATCHES_EACH
BYTES_MAX = 200

FILES = CONNECTIONS + 200
TIMEOUT_MS = 600_000
EXISTS = 3
NO_NODE = -101
# Memory that a burst took is given back within this time, or never.
SETTLE_SECONDS = 5
START_SECONDS = 20


class Client:
    """A session on a connection of its own, without pings: its timeout is long."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        connect = struct.pack(">iqiqi16x?", 0, 0, TIMEOUT_MS, 0, 16, False)
        self.socket.sendall(frame(connect))
        timeout_ms = struct.unpack_from(">i", self.receive(1)[0], 4)[0]
        assert timeout_ms == TIMEOUT_MS, timeout_ms

    def watch(self, paths):
        """Sets a watch on each path, where nothing is, all asked in one go."""
        requests = []
        for xid, path in enumerate(paths, start=1):
            name = path.encode()
            body = struct.pack(f">iii{len(name)}s?", xid, EXISTS, len(name), name, True)
            requests.append(frame(body))
        self.socket.sendall(b"".join(requests))
        for xid, reply in enumerate(self.receive(len(requests)), start=1):
            told, _, error = struct.unpack(">iqi", reply)
            assert (told, error) == (xid, NO_NODE), (told, error)

    def receive(self, frames):
        received, buffer = [], b""
        while len(received) < frames:
            chunk = self.socket.recv(1 << 16)
            assert chunk, "the server hangs up"
            buffer += chunk
            while len(buffer) >= 4:
                end = 4 + struct.unpack_from(">i", buffer)[0]
                if len(buffer) < end:
                    break
                received.append(buffer[4:end])
                buffer = buffer[end:]
        return received


def frame(body):
    return struct.pack(">i", len(body)) + body


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def resident(pid):
    """Bytes of memory that a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def watches_of(port):
    """How many watches the server says that it has."""
    with socket.create_connection(("127.0.0.1", port)) as asker:
        asker.sendall(b"mntr")
        text = b"".join(iter(lambda: asker.recv(4096), b"")).decode()
    lines = dict(line.split("\t", 1) for line in text.splitlines())
    return int(lines["zk_watch_count"])


def measure(zablab, folder, path):
    """Bytes for each watch; path(client, n) is where a client sets its nth."""
    port = free_port()
    config = Path(folder, "zoo.cfg")
    config.write_text(
        f"dataDir={folder}/data\nclientPort={port}\ntickTime=2000\nmaxClientCnxns=0\n"
        f"maxSessionTimeout={TIMEOUT_MS}\n4lw.commands.whitelist=mntr\n"
    )
    command = [zablab, "--log", "warn", "serve", "--exit-with-parent", str(config)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        clients = [connect_first(port)]
        clients += [Client(port) for _ in range(CONNECTIONS - 1)]
        time.sleep(SETTLE_SECONDS)
        before = resident(server.pid)
        for at, client in enumerate(clients):
            client.watch([path(at, n) for n in range(WATCHES_EACH)])
        time.sleep(SETTLE_SECONDS)
        after = resident(server.pid)
        assert watches_of(port) == WATCHES, watches_of(port)
        print(f"{before >> 20} MiB before, {after >> 20} MiB after", end=": ")
        return (after - before) / WATCHES
    finally:
        server.kill()
        server.wait()


def connect_first(port):
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            return Client(port)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def main():
    zablab = sys.argv[1]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))
    costs = []
    for what, path in [
        ("all on the same paths", lambda _, n: f"/services/orders/instance-{n:07}"),
        (
            "each on a path of its own",
            lambda at, n: f"/services/orders/instance-{at * WATCHES_EACH + n:07}",
        ),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            costs.append(measure(zablab, folder, path))
        print(f"{costs[-1]:.0f} bytes for a watch, {what}")
    assert max(costs) <= BYTES_MAX, "too much"


if __name__ == "__main__":
    main()
