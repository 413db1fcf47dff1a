import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.CachedAtomicLong;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicInteger;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedCountListener;
import org.apache.curator.framework.recipes.shared.SharedCountReader;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.retry.RetryOneTime;

/** Atomic numbers and shared counters, which rest on the versions of a node. */
final class Counters {
    private static final int ROUNDS = 20;

    private Counters() {}

    static void run(Fixture fixture) throws Exception {
        CuratorFramework first = fixture.client();
        CuratorFramework second = fixture.client();
        checkLong(first, second);
        checkContention(first, second);
        checkOthers(first);
        checkSharedCount(first, second);
    }

    private static void checkLong(CuratorFramework first, CuratorFramework second)
            throws Exception {
        DistributedAtomicLong number =
                new DistributedAtomicLong(first, "/counters/long", new RetryOneTime(1));
        Checks.check(number.initialize(7L), "DistributedAtomicLong is initialized");
        Checks.check(!number.initialize(8L), "a second time does nothing");
        AtomicValue<Long> sum = number.add(5L);
        Checks.check(sum.succeeded() && sum.preValue() == 7 && sum.postValue() == 12, "7 + 5 = 12");
        DistributedAtomicLong seen =
                new DistributedAtomicLong(second, "/counters/long", new RetryOneTime(1));
        Checks.checkEqual(12L, seen.get().postValue(), "the value another client reads");
        Checks.check(seen.compareAndSet(12L, 100L).succeeded(), "compare and set");
        Checks.check(!seen.compareAndSet(12L, 200L).succeeded(), "compare and set, old value");
        Checks.checkEqual(99L, number.decrement().postValue(), "the value after a decrement");
        number.forceSet(1L);
        Checks.checkEqual(-3L, number.subtract(4L).postValue(), "1 - 4");
    }

    private static void checkContention(CuratorFramework first, CuratorFramework second)
            throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(2);
        for (CuratorFramework client : new CuratorFramework[] {first, second}) {
            PromotedToLock lock = PromotedToLock.builder().lockPath("/counters/lock")
                    .retryPolicy(new RetryNTimes(50, 1)).build();
            DistributedAtomicLong number = new DistributedAtomicLong(client, "/counters/busy",
                    new RetryNTimes(2, 1), lock);
            threads.submit(() -> {
                for (int i = 0; i < ROUNDS; ++i) {
                    Checks.check(number.increment().succeeded(), "an increment among others");
                }
                return null;
            });
        }
        threads.shutdown();
        threads.awaitTermination(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS);
        Checks.checkEqual(2L * ROUNDS, new DistributedAtomicLong(first, "/counters/busy",
                new RetryOneTime(1)).get().postValue(), "the sum of two clients' increments");
    }

    private static void checkOthers(CuratorFramework client) throws Exception {
        DistributedAtomicInteger small =
                new DistributedAtomicInteger(client, "/counters/int", new RetryOneTime(1));
        small.forceSet(41);
        Checks.checkEqual(42, small.increment().postValue(), "DistributedAtomicInteger");
        DistributedAtomicLong number =
                new DistributedAtomicLong(client, "/counters/cached", new RetryOneTime(1));
        number.forceSet(0L);
        CachedAtomicLong cached = new CachedAtomicLong(number, 10);
        Checks.checkEqual(1L, cached.next().postValue(), "CachedAtomicLong, the first");
        Checks.checkEqual(2L, cached.next().postValue(), "CachedAtomicLong, the second");
        Checks.checkEqual(10L, number.get().postValue(), "the numbers it has taken");
    }

    private static void checkSharedCount(CuratorFramework first, CuratorFramework second)
            throws Exception {
        BlockingQueue<Integer> seen = new LinkedBlockingQueue<>();
        try (SharedCount mine = new SharedCount(first, "/counters/shared", 3);
                SharedCount theirs = new SharedCount(second, "/counters/shared", 9)) {
            mine.start();
            theirs.start();
            Checks.checkEqual(3, theirs.getCount(), "SharedCount: the first seed counts");
            theirs.addListener(new SharedCountListener() {
                @Override
                public void countHasChanged(SharedCountReader reader, int count) {
                    seen.add(count);
                }

                @Override
                public void stateChanged(CuratorFramework client, ConnectionState state) {}
            });
            VersionedValue<Integer> old = mine.getVersionedValue();
            mine.setCount(4);
            Checks.checkArrives(seen, 4, "the other client is told of the new value");
            Checks.check(!mine.trySetCount(old, 5), "an old version is refused");
            Checks.check(mine.trySetCount(mine.getVersionedValue(), 6), "a new one is accepted");
            Checks.checkArrives(seen, 6, "the other client is told again");
        }
    }
}
