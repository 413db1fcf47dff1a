import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.retry.RetryForever;

/**
 * {@code LockTaker HOSTS}: takes and gives back Curator's locks, as they are, by command.
 *
 * <p>Lines of its input: {@code take NAME KIND QUEUE}, with KIND mutex, read or write, and
 * {@code give NAME}. Each lock has a thread, which prints {@code held NAME} as soon as it is so,
 * and {@code given NAME}.
 */
final class LockTaker {
    private static final int SESSION_TIMEOUT_MS = 20_000;
    private static final int CONNECTION_TIMEOUT_MS = 20_000;
    private static final int RETRY_MS = 50;

    private LockTaker() {}

    private static InterProcessMutex lock(CuratorFramework client, String kind, String queue) {
        switch (kind) {
            case "mutex":
                return new InterProcessMutex(client, queue);
            case "read":
                return new InterProcessReadWriteLock(client, queue).readLock();
            case "write":
                return new InterProcessReadWriteLock(client, queue).writeLock();
            default:
                throw new IllegalArgumentException(kind);
        }
    }

    private static void hold(String name, InterProcessMutex lock, CountDownLatch given) {
        try {
            lock.acquire();
            System.out.println("held " + name);
            given.await();
            lock.release();
            System.out.println("given " + name);
        } catch (Exception error) {
            System.out.println("failed " + name + " " + error);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, CountDownLatch> taken = new ConcurrentHashMap<>();
        try (CuratorFramework client = CuratorFrameworkFactory.newClient(arguments[0],
                SESSION_TIMEOUT_MS, CONNECTION_TIMEOUT_MS, new RetryForever(RETRY_MS));
                BufferedReader in = new BufferedReader(new InputStreamReader(
                        System.in, StandardCharsets.UTF_8))) {
            client.start();
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] words = line.split(" ");
                if (words[0].equals("give")) {
                    taken.get(words[1]).countDown();
                    continue;
                }
                CountDownLatch given = new CountDownLatch(1);
                taken.put(words[1], given);
                InterProcessMutex lock = lock(client, words[2], words[3]);
                Thread holder = new Thread(() -> hold(words[1], lock, given));
                holder.setDaemon(true);
                holder.start();
            }
        }
    }
}
