// Recipes of Apache Curator between clients of different servers: java Curator.java HOST,HOST,...
// Run from the source, with Curator's and ZooKeeper's jars in the class path.

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorOp;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.data.Stat;

public class Curator {
    static final long WAIT_SECONDS = 30;
    static final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    });

    static CuratorFramework client(String hosts) throws Exception {
        CuratorFramework client =
            CuratorFrameworkFactory.newClient(hosts, 10_000, 10_000, new ExponentialBackoffRetry(100, 5));
        client.start();
        must(client.blockUntilConnected(30, TimeUnit.SECONDS), "no connection");
        return client;
    }

    static void must(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void until(Callable<Boolean> holds, String what) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
        while (!holds.call()) {
            must(System.nanoTime() < end, what + " does not come true");
            Thread.sleep(20);
        }
    }

    static void znodes(CuratorFramework one, CuratorFramework other) throws Exception {
        one.create().creatingParentsIfNeeded().forPath("/curator/a", "1".getBytes());
        one.create().withMode(CreateMode.CONTAINER).forPath("/curator/container");
        String made = one.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
            .forPath("/curator/s-");
        must(made.endsWith("s-0000000002"), made);
        Stat stat = new Stat();
        other.sync().forPath("/curator");
        must(new String(other.getData().storingStatIn(stat).forPath("/curator/a")).equals("1"), "data");
        other.setData().withVersion(stat.getVersion()).forPath("/curator/a", "2".getBytes());
        try {
            one.setData().withVersion(0).forPath("/curator/a", "3".getBytes());
            throw new AssertionError("a wrong version is taken");
        } catch (KeeperException.BadVersionException expected) {
        }
        List<CuratorOp> ops = new ArrayList<>();
        ops.add(one.transactionOp().check().withVersion(1).forPath("/curator/a"));
        ops.add(one.transactionOp().create().forPath("/curator/t", "t".getBytes()));
        ops.add(one.transactionOp().setData().forPath("/curator/a", "4".getBytes()));
        ops.add(one.transactionOp().delete().forPath("/curator/t"));
        must(one.transaction().forOperations(ops).size() == 4, "transaction");
        try {
            one.transaction().forOperations(
                one.transactionOp().create().forPath("/curator/never"),
                one.transactionOp().check().withVersion(77).forPath("/curator/a"));
            throw new AssertionError("a failing transaction is taken");
        } catch (KeeperException.BadVersionException expected) {
        }
        must(one.checkExists().forPath("/curator/never") == null, "half a transaction");
        must(one.getZookeeperClient().getZooKeeper().getEphemerals().size() == 1, "getEphemerals");
        must(one.getZookeeperClient().getZooKeeper().getAllChildrenNumber("/curator") == 3, "number");
        must(!one.getZookeeperClient().getZooKeeper().whoAmI().isEmpty(), "whoAmI");
        one.delete().forPath(made);
    }

    static void watches(CuratorFramework one, CuratorFramework other) throws Exception {
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        one.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE)
            .usingWatcher((org.apache.zookeeper.Watcher) event -> seen.add(event.getType() + " " + event.getPath()))
            .forPath("/curator/w");
        other.create().creatingParentsIfNeeded().forPath("/curator/w/x/y");
        other.setData().forPath("/curator/w/x", "1".getBytes());
        other.delete().forPath("/curator/w/x/y");
        List<String> expected = List.of("NodeCreated /curator/w", "NodeCreated /curator/w/x",
            "NodeCreated /curator/w/x/y", "NodeDataChanged /curator/w/x", "NodeDeleted /curator/w/x/y");
        until(() -> seen.equals(expected), "the events, " + seen);
        one.watchers().removeAll().forPath("/curator/w");
        until(() -> seen.size() == 6, "the end of the watch, " + seen);
    }

    static void locks(CuratorFramework one, CuratorFramework other) throws Exception {
        InterProcessMutex mutex = new InterProcessMutex(one, "/curator/mutex");
        InterProcessMutex wanted = new InterProcessMutex(other, "/curator/mutex");
        mutex.acquire();
        must(!wanted.acquire(300, TimeUnit.MILLISECONDS), "two hold one mutex");
        Future<Boolean> waiting = threads.submit(() -> wanted.acquire(WAIT_SECONDS, TimeUnit.SECONDS));
        until(() -> mutex.getParticipantNodes().size() == 2, "a second contender");
        mutex.release();
        must(waiting.get(), "the mutex");

        InterProcessReadWriteLock lock = new InterProcessReadWriteLock(one, "/curator/shared");
        InterProcessReadWriteLock writer = new InterProcessReadWriteLock(other, "/curator/shared");
        lock.readLock().acquire();
        must(!writer.writeLock().acquire(300, TimeUnit.MILLISECONDS), "a writer beside a reader");
        lock.readLock().release();
        must(writer.writeLock().acquire(WAIT_SECONDS, TimeUnit.SECONDS), "the write lock");
        writer.writeLock().release();

        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(one, "/curator/semaphore", 2);
        InterProcessSemaphoreV2 same = new InterProcessSemaphoreV2(other, "/curator/semaphore", 2);
        Lease first = semaphore.acquire();
        Lease second = same.acquire();
        must(same.acquire(300, TimeUnit.MILLISECONDS) == null, "three of two leases");
        semaphore.returnLease(first);
        must(same.acquire(WAIT_SECONDS, TimeUnit.SECONDS) != null, "a lease");
        same.returnLease(second);
    }

    static void leaders(CuratorFramework one, CuratorFramework other) throws Exception {
        LeaderLatch latch = new LeaderLatch(one, "/curator/latch");
        LeaderLatch next = new LeaderLatch(other, "/curator/latch");
        latch.start();
        must(latch.await(WAIT_SECONDS, TimeUnit.SECONDS), "a leader");
        next.start();
        until(() -> next.getParticipants().size() == 2, "two participants");
        must(!next.hasLeadership(), "two lead");
        latch.close();
        must(next.await(WAIT_SECONDS, TimeUnit.SECONDS), "the next leader");
        next.close();
    }

    static void counters(CuratorFramework one, CuratorFramework other) throws Exception {
        List<Future<Boolean>> workers = new ArrayList<>();
        for (CuratorFramework client : List.of(one, other)) {
            workers.add(threads.submit(() -> {
                DistributedAtomicLong counter =
                    new DistributedAtomicLong(client, "/curator/counter", new ExponentialBackoffRetry(5, 50));
                for (int i = 0; i < 10; i++) {
                    until(() -> counter.increment().succeeded(), "an increment");
                }
                return true;
            }));
        }
        for (Future<Boolean> worker : workers) {
            worker.get();
        }
        one.sync().forPath("/curator/counter");
        DistributedAtomicLong counter =
            new DistributedAtomicLong(one, "/curator/counter", new ExponentialBackoffRetry(5, 50));
        must(counter.get().postValue() == 20, "counted " + counter.get().postValue());

        SharedCount count = new SharedCount(one, "/curator/count", 1);
        SharedCount seen = new SharedCount(other, "/curator/count", 1);
        count.start();
        seen.start();
        count.setCount(7);
        until(() -> seen.getCount() == 7, "the shared count");
        count.close();
        seen.close();
    }

    static void caches(CuratorFramework one, CuratorFramework other) throws Exception {
        other.create().forPath("/curator/tree");
        one.sync().forPath("/curator/tree");
        CuratorCache cache = CuratorCache.build(one, "/curator/tree");
        AtomicInteger events = new AtomicInteger();
        cache.listenable().addListener((type, before, after) -> events.incrementAndGet());
        cache.start();
        Set<String> expected = new HashSet<>();
        expected.add("/curator/tree");
        for (String name : List.of("a", "a/b", "a/b/c", "d")) {
            other.create().forPath("/curator/tree/" + name, name.getBytes());
            expected.add("/curator/tree/" + name);
        }
        until(() -> paths(cache).equals(expected), "the cache");
        other.setData().forPath("/curator/tree/a/b", "new".getBytes());
        until(() -> "new".equals(new String(cache.get("/curator/tree/a/b").get().getData())), "the value");
        other.delete().deletingChildrenIfNeeded().forPath("/curator/tree/a");
        until(() -> paths(cache).equals(Set.of("/curator/tree", "/curator/tree/d")), "the deletes");
        // The cache changes what it holds before it tells of that.
        until(() -> events.get() >= 9, "nine events");
        cache.close();
    }

    static Set<String> paths(CuratorCache cache) {
        Set<String> paths = new HashSet<>();
        cache.stream().forEach(data -> paths.add(data.getPath()));
        return paths;
    }

    static void barriers(CuratorFramework one, CuratorFramework other) throws Exception {
        CountDownLatch inside = new CountDownLatch(2);
        List<Future<Boolean>> members = new ArrayList<>();
        for (CuratorFramework client : List.of(one, other)) {
            members.add(threads.submit(() -> {
                DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(client, "/curator/barrier", 2);
                must(barrier.enter(WAIT_SECONDS, TimeUnit.SECONDS), "entered");
                inside.countDown();
                return barrier.leave(WAIT_SECONDS, TimeUnit.SECONDS);
            }));
        }
        must(inside.await(WAIT_SECONDS, TimeUnit.SECONDS), "both enter");
        for (Future<Boolean> member : members) {
            must(member.get(), "left");
        }
    }

    static void nodes(CuratorFramework one, CuratorFramework other) throws Exception {
        PersistentNode node =
            new PersistentNode(one, CreateMode.EPHEMERAL, false, "/curator/mine", "here".getBytes());
        node.start();
        must(node.waitForInitialCreate(WAIT_SECONDS, TimeUnit.SECONDS), "the znode");
        other.sync().forPath("/curator");
        other.delete().forPath("/curator/mine");
        until(() -> other.checkExists().forPath("/curator/mine") != null, "the znode again");
        node.close();
        until(() -> other.checkExists().forPath("/curator/mine") == null, "the end of the znode");
    }

    interface Recipe {
        void run(CuratorFramework one, CuratorFramework other) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        String[] hosts = arguments[0].split(",");
        CuratorFramework one = client(hosts[0]);
        CuratorFramework other = client(hosts[hosts.length - 1]);
        List<Recipe> recipes = List.of(Curator::znodes, Curator::watches, Curator::locks, Curator::leaders,
            Curator::counters, Curator::caches, Curator::barriers, Curator::nodes);
        for (Recipe recipe : recipes) {
            one.sync().forPath("/");
            other.sync().forPath("/");
            recipe.run(one, other);
        }
        one.close();
        other.close();
        System.out.println("all recipes");
    }
}
