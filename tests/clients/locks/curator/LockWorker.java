import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.StandardLockInternalsDriver;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.data.Stat;

/**
 * {@code LockWorker HOSTS QUEUE RESOURCE_PORT NAME SECONDS HOLD_MS}: the same with Curator's mutex.
 *
 * <p>It is told to order places by their numbers, whatever stands before them: kazoo's have no
 * "lock-".
 */
final class LockWorker {
    private static final int SESSION_TIMEOUT_MS = 2_000;
    private static final int CONNECTION_TIMEOUT_MS = 10_000;
    private static final int RETRY_MS = 50;
    private static final int BETWEEN_USES_MS = 5;
    private static final int DIGITS = 10;
    private static volatile boolean lost;

    private LockWorker() {}

    /** Orders by the ten digits at the end of a name. */
    private static final class ByNumber extends StandardLockInternalsDriver {
        @Override
        public String fixForSorting(String name, String prefix) {
            return name.substring(name.length() - DIGITS);
        }
    }

    /** Tells the path of its place. */
    private static final class Mutex extends InterProcessMutex {
        Mutex(CuratorFramework client, String queue) {
            super(client, queue, new ByNumber());
        }

        String place() {
            return getLockPath();
        }
    }

    private static boolean ask(BufferedReader in, PrintWriter out, String line)
            throws IOException {
        out.println(line);
        return "ok".equals(in.readLine());
    }

    private static void use(CuratorFramework client, Mutex mutex, String name, long holdMs,
            BufferedReader in, PrintWriter out) throws Exception {
        Stat stat = client.checkExists().forPath(mutex.place());
        if (stat == null) {
            return;
        }
        String who = name + " " + stat.getCzxid();
        long enough = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(holdMs);
        boolean welcome = ask(in, out, "enter " + who + " " + mutex.place());
        while (welcome && !lost && System.nanoTime() < enough) {
            Thread.sleep(BETWEEN_USES_MS);
            welcome = ask(in, out, "use " + who);
        }
        // Who has lost it writes once more, as one who does not look: the resource sees to it.
        ask(in, out, (lost ? "use " : "leave ") + who);
    }

    public static void main(String[] arguments) throws Exception {
        String name = arguments[3];
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(arguments[4]));
        int held = 0;
        try (CuratorFramework client = CuratorFrameworkFactory.newClient(arguments[0],
                SESSION_TIMEOUT_MS, CONNECTION_TIMEOUT_MS, new RetryForever(RETRY_MS));
                Socket socket = new Socket(InetAddress.getLoopbackAddress(),
                        Integer.parseInt(arguments[2]));
                BufferedReader in = new BufferedReader(new InputStreamReader(
                        socket.getInputStream(), StandardCharsets.UTF_8));
                PrintWriter out = new PrintWriter(socket.getOutputStream(), true,
                        StandardCharsets.UTF_8)) {
            client.getConnectionStateListenable().addListener((changed, state) -> {
                if (state == ConnectionState.LOST) {
                    lost = true;
                }
            });
            client.start();
            while (System.nanoTime() < until) {
                Mutex mutex = new Mutex(client, arguments[1]);
                try {
                    if (!mutex.acquire(20, TimeUnit.SECONDS)) {
                        continue;
                    }
                    lost = false;
                    held++;
                    try {
                        use(client, mutex, name, Long.parseLong(arguments[5]), in, out);
                    } finally {
                        mutex.release();
                    }
                } catch (org.apache.zookeeper.KeeperException error) {
                    System.out.println("not so: " + error);
                }
            }
        }
        System.out.println("held " + held + " times");
    }
}
