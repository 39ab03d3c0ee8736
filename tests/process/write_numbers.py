"""Writes numbers, twenty under way at a time, whatever becomes of servers: write_numbers.py HOSTS COUNT

Prints `ack N` as soon as number N is acknowledged. A number whose fate is unknown is written again.
"""
import sys
from collections import deque

from kazoo.client import KazooClient
from kazoo.exceptions import (
    ConnectionClosedError,
    ConnectionLoss,
    NodeExistsError,
    OperationTimeoutError,
    SessionExpiredError,
)
from kazoo.retry import KazooRetry

UNDER_WAY = 20
UNKNOWN = (ConnectionLoss, ConnectionClosedError, OperationTimeoutError, SessionExpiredError)


def path_of(number):
    return f"/numbers/{number:06}"


def main(hosts, count):
    zk = KazooClient(hosts=hosts, timeout=10, connection_retry=KazooRetry(max_tries=-1, max_delay=1))
    zk.start(timeout=30)
    zk.ensure_path("/numbers")
    waiting = deque(range(1, count + 1))
    under_way = deque()
    acknowledged = 0
    while waiting or under_way:
        while waiting and len(under_way) < UNDER_WAY:
            number = waiting.popleft()
            under_way.append((number, zk.create_async(path_of(number), str(number).encode())))
        number, result = under_way.popleft()
        try:
            result.get(timeout=60)
        except NodeExistsError:
            # An earlier attempt was done although its answer was lost.
            pass
        except UNKNOWN:
            waiting.append(number)
            continue
        acknowledged += 1
        print(f"ack {number}", flush=True)
    assert acknowledged == count, acknowledged
    zk.stop()
    zk.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
