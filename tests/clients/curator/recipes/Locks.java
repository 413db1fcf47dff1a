import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;

/** Mutexes, read-write locks, semaphores and revocation, between two clients. */
final class Locks {
    private static final int THREADS = 4;
    private static final int ROUNDS = 10;

    private Locks() {}

    static void run(Fixture fixture) throws Exception {
        CuratorFramework first = fixture.client();
        CuratorFramework second = fixture.client();
        checkMutex(new InterProcessMutex(first, "/locks/mutex"),
                new InterProcessMutex(second, "/locks/mutex"), "InterProcessMutex");
        checkMutex(new InterProcessSemaphoreMutex(first, "/locks/plain"),
                new InterProcessSemaphoreMutex(second, "/locks/plain"),
                "InterProcessSemaphoreMutex");
        checkMutex(new InterProcessMultiLock(first, List.of("/locks/m1", "/locks/m2")),
                new InterProcessMutex(second, "/locks/m2"), "InterProcessMultiLock");
        checkReentrance(first);
        checkContention(first, second);
        checkRevocation(first, second);
        checkReadWriteLock(first, second);
        checkSemaphore(first, second);
        checkDeadHolder(fixture, first);
    }

    private static boolean tryIt(InterProcessLock lock) throws Exception {
        return lock.acquire(0, TimeUnit.MILLISECONDS);
    }

    private static boolean await(InterProcessLock lock) throws Exception {
        return lock.acquire(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS);
    }

    private static void checkMutex(InterProcessLock mine, InterProcessLock theirs, String name)
            throws Exception {
        Checks.check(await(mine), name + ": free, acquired");
        Checks.check(!tryIt(theirs), name + ": held, refused to the other client");
        mine.release();
        Checks.check(await(theirs), name + ": released, acquired by the other client");
        theirs.release();
    }

    private static void checkReentrance(CuratorFramework client) throws Exception {
        InterProcessMutex lock = new InterProcessMutex(client, "/locks/reentrant");
        Checks.check(await(lock) && await(lock), "a mutex is acquired twice by its holder");
        lock.release();
        Checks.check(lock.isAcquiredInThisProcess(), "one release of two leaves it held");
        Checks.checkEqual(1, lock.getParticipantNodes().size(), "the number of its nodes");
        lock.release();
        Checks.check(!lock.isAcquiredInThisProcess(), "the second release frees it");
    }

    /** Threads of two clients; the counter would miss increments were there ever two holders. */
    private static void checkContention(CuratorFramework first, CuratorFramework second)
            throws Exception {
        int[] counter = {0};
        AtomicInteger holders = new AtomicInteger();
        AtomicInteger meetings = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        for (int i = 0; i < THREADS; ++i) {
            CuratorFramework client = i % 2 == 0 ? first : second;
            threads.submit(() -> {
                InterProcessMutex lock = new InterProcessMutex(client, "/locks/busy");
                for (int round = 0; round < ROUNDS; ++round) {
                    if (!await(lock)) {
                        return null;
                    }
                    meetings.addAndGet(holders.incrementAndGet() == 1 ? 0 : 1);
                    ++counter[0];
                    holders.decrementAndGet();
                    lock.release();
                }
                return null;
            });
        }
        threads.shutdown();
        threads.awaitTermination(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS);
        Checks.checkEqual(THREADS * ROUNDS, counter[0], "the number of turns");
        Checks.checkEqual(0, meetings.get(), "the number of meetings in the locked part");
    }

    private static void checkRevocation(CuratorFramework first, CuratorFramework second)
            throws Exception {
        InterProcessMutex held = new InterProcessMutex(first, "/locks/revocable");
        CountDownLatch asked = new CountDownLatch(1);
        held.makeRevocable(lock -> asked.countDown());
        Checks.check(await(held), "a revocable mutex is acquired");
        String node = held.getParticipantNodes().iterator().next();
        Revoker.attemptRevoke(second, node);
        Checks.checkArrives(asked, "its holder is asked to give it back");
        held.release();
    }

    private static void checkReadWriteLock(CuratorFramework first, CuratorFramework second)
            throws Exception {
        InterProcessReadWriteLock mine = new InterProcessReadWriteLock(first, "/locks/rw");
        InterProcessReadWriteLock theirs = new InterProcessReadWriteLock(second, "/locks/rw");
        Checks.check(await(mine.readLock()) && await(theirs.readLock()), "two readers at once");
        Checks.check(!tryIt(new InterProcessReadWriteLock(second, "/locks/rw").writeLock()),
                "no writer beside readers");
        mine.readLock().release();
        theirs.readLock().release();
        Checks.check(await(mine.writeLock()), "a writer after the readers");
        Checks.check(!tryIt(theirs.readLock()), "no reader beside a writer");
        Checks.check(await(mine.readLock()), "the writer itself may read");
        mine.readLock().release();
        mine.writeLock().release();
    }

    private static void checkSemaphore(CuratorFramework first, CuratorFramework second)
            throws Exception {
        InterProcessSemaphoreV2 mine = new InterProcessSemaphoreV2(first, "/locks/semaphore", 2);
        InterProcessSemaphoreV2 theirs = new InterProcessSemaphoreV2(second, "/locks/semaphore", 2);
        Lease lease = mine.acquire(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS);
        Lease other = theirs.acquire(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS);
        Checks.check(lease != null && other != null, "two leases of two");
        Checks.check(theirs.acquire(0, TimeUnit.MILLISECONDS) == null, "no third lease");
        mine.returnLease(lease);
        Lease third = theirs.acquire(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS);
        Checks.check(third != null, "a returned lease is given again");
        theirs.returnAll(List.of(other, third));
        Checks.checkEqual(0, mine.getParticipantNodes().size(), "the number of leases at the end");
    }

    /** The lock of a client that goes away is free at once: closing ends its ephemeral node. */
    private static void checkDeadHolder(Fixture fixture, CuratorFramework waiting)
            throws Exception {
        CuratorFramework dying = fixture.started(fixture.builder().build());
        Checks.check(await(new InterProcessMutex(dying, "/locks/left")), "a client takes a lock");
        dying.close();
        InterProcessMutex lock = new InterProcessMutex(waiting, "/locks/left");
        Checks.check(await(lock), "another gets it when that client has closed");
        lock.release();
    }
}
