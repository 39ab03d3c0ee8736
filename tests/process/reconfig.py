"""Changes the ensemble once: reconfig.py HOSTS joining LINES | leaving NUMBERS | members LINES

Ends when the new configuration can be read. An answer that was lost is looked up.
"""
import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import (
    ConnectionClosedError,
    ConnectionLoss,
    NewConfigNoQuorumError,
    OperationTimeoutError,
    ReconfigInProcessError,
    SessionExpiredError,
)

CONFIG = "/zookeeper/config"
UNKNOWN = (ConnectionLoss, ConnectionClosedError, OperationTimeoutError, SessionExpiredError)
# Another change is under way, or who joins is not up to date yet.
NOT_YET = (NewConfigNoQuorumError, ReconfigInProcessError)
PAUSE_SECONDS = 0.5
TRIES = 60


def version_of(config):
    lines = config.decode().splitlines()
    return int(lines[-1].removeprefix("version="), 16)


def main(hosts, verb, what):
    change = {"joining": None, "leaving": None, "new_members": None}
    change["new_members" if verb == "members" else verb] = what
    zk = KazooClient(hosts=hosts, timeout=10)
    zk.start(timeout=30)
    before = version_of(zk.get(CONFIG)[0])
    for _ in range(TRIES):
        try:
            config, stat = zk.reconfig(**change)
            assert stat.mzxid == version_of(config) > before, (config, stat)
            break
        except NOT_YET:
            time.sleep(PAUSE_SECONDS)
        except UNKNOWN:
            time.sleep(PAUSE_SECONDS)
            if version_of(zk.retry(zk.get, CONFIG)[0]) > before:
                break
    zk.retry(zk.sync, CONFIG)
    config, _ = zk.retry(zk.get, CONFIG)
    assert version_of(config) > before, config
    print(config.decode())
    zk.stop()
    zk.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
