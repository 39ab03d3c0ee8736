"""Reads the numbers 1 to COUNT on each single server: check_numbers.py HOSTS COUNT"""
import sys

from kazoo.client import KazooClient


def main(hosts, count):
    for host in hosts.split(","):
        zk = KazooClient(hosts=host, timeout=10)
        zk.start(timeout=30)
        zk.sync("/numbers")
        found = set(zk.get_children("/numbers"))
        missing = [n for n in range(1, count + 1) if f"{n:06}" not in found]
        assert not missing, f"{host} has lost {len(missing)}: {missing[:20]}"
        reads = [(n, zk.get_async(f"/numbers/{n:06}")) for n in range(1, count + 1)]
        for number, read in reads:
            data, _ = read.get(timeout=30)
            assert data == str(number).encode(), (host, number, data)
        zk.stop()
        zk.close()
        print(f"{host} has all {count}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
