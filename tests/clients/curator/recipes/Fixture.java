import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryForever;

/** The server's address, and clients of it that are closed at the end. */
final class Fixture implements AutoCloseable {
    private static final int SESSION_TIMEOUT_MS = 10_000;
    private static final int CONNECTION_TIMEOUT_MS = 10_000;
    private static final int RETRY_MS = 50;
    private final String server;
    private final List<CuratorFramework> clients = new ArrayList<>();

    Fixture(String server) {
        this.server = server;
    }

    String server() {
        return server;
    }

    /** A connected client with all defaults that matter to a server; its ensemble tracker is on. */
    CuratorFramework client() throws Exception {
        return started(builder().build());
    }

    CuratorFrameworkFactory.Builder builder() {
        return CuratorFrameworkFactory.builder().connectString(server)
                .sessionTimeoutMs(SESSION_TIMEOUT_MS).connectionTimeoutMs(CONNECTION_TIMEOUT_MS)
                .retryPolicy(new RetryForever(RETRY_MS));
    }

    CuratorFramework started(CuratorFramework client) throws Exception {
        clients.add(client);
        client.start();
        Checks.check(client.blockUntilConnected((int) Checks.DEADLINE_MS, TimeUnit.MILLISECONDS),
                "a client connects");
        return client;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        clients.forEach(CuratorFramework::close);
    }
}
