import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;

/** Barriers between two clients. */
final class Barriers {
    private Barriers() {}

    static void run(Fixture fixture) throws Exception {
        CuratorFramework first = fixture.client();
        CuratorFramework second = fixture.client();
        ExecutorService thread = Executors.newSingleThreadExecutor();
        checkBarrier(first, second, thread);
        checkDoubleBarrier(first, second, thread);
        thread.shutdown();
    }

    private static void checkBarrier(CuratorFramework first, CuratorFramework second,
            ExecutorService thread) throws Exception {
        DistributedBarrier barrier = new DistributedBarrier(first, "/barriers/single");
        barrier.setBarrier();
        DistributedBarrier seen = new DistributedBarrier(second, "/barriers/single");
        Checks.check(!seen.waitOnBarrier(100, TimeUnit.MILLISECONDS), "a barrier holds");
        Future<Boolean> passed = thread.submit(
                () -> seen.waitOnBarrier(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS));
        barrier.removeBarrier();
        Checks.check(passed.get(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS), "removed, it opens");
        Checks.check(seen.waitOnBarrier(0, TimeUnit.MILLISECONDS), "it stays open");
    }

    private static void checkDoubleBarrier(CuratorFramework first, CuratorFramework second,
            ExecutorService thread) throws Exception {
        DistributedDoubleBarrier mine = new DistributedDoubleBarrier(first, "/barriers/double", 2);
        DistributedDoubleBarrier theirs =
                new DistributedDoubleBarrier(second, "/barriers/double", 2);
        Future<Boolean> entered = thread.submit(
                () -> theirs.enter(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS));
        Checks.check(mine.enter(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS), "the first enters");
        Checks.check(entered.get(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS), "so does the second");
        Future<Boolean> left = thread.submit(
                () -> theirs.leave(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS));
        Checks.check(mine.leave(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS), "the first leaves");
        Checks.check(left.get(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS), "so does the second");
    }
}
