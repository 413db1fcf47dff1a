import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** TAP lines on standard output, and waits with a deadline. May be used from any thread. */
final class Checks {
    static final long DEADLINE_MS = 20_000;
    private static int done;
    private static int failed;

    private Checks() {}

    /** Prints "ok N - text" or "not ok N - text". */
    static synchronized void check(boolean passed, String text) {
        ++done;
        failed += passed ? 0 : 1;
        System.out.println((passed ? "ok " : "not ok ") + done + " - " + text);
    }

    static void checkEqual(Object expected, Object actual, String what) {
        check(expected.equals(actual), what + " is " + expected + " (got " + actual + ")");
    }

    /** Asks the caller for something: "stop the server" or "start the server". */
    static synchronized void ask(String what) {
        System.out.println("# " + what);
    }

    static synchronized int failed() {
        return failed;
    }

    static void checkArrives(CountDownLatch latch, String what) throws InterruptedException {
        check(latch.await(DEADLINE_MS, TimeUnit.MILLISECONDS), what);
    }

    /** Takes elements until one fits, or the deadline passes; others are thrown away. */
    static <T> void checkAnyArrives(BlockingQueue<T> queue, Predicate<T> fits, String what)
            throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(DEADLINE_MS);
        T element;
        do {
            element = queue.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        } while (element != null && !fits.test(element));
        check(element != null, what);
    }

    static <T> void checkArrives(BlockingQueue<T> queue, T wanted, String what)
            throws InterruptedException {
        checkAnyArrives(queue, wanted::equals, what);
    }

    /** For states that nothing announces: looks again and again, until the deadline. */
    static void checkBecomes(Callable<Boolean> condition, String what) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(DEADLINE_MS);
        boolean holds = condition.call();
        while (!holds && System.nanoTime() < deadline) {
            TimeUnit.MILLISECONDS.sleep(5);
            holds = condition.call();
        }
        check(holds, what);
    }
}
