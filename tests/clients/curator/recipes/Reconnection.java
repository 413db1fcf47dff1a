import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.CreateMode;

/** Recipes whose server stops and starts while they are in use: the session goes on. */
final class Reconnection {
    private Reconnection() {}

    static void run(Fixture fixture) throws Exception {
        CuratorFramework client = fixture.client();
        CuratorFramework other = fixture.client();
        BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
        client.getConnectionStateListenable().addListener((c, state) -> states.add(state));
        long session = client.getZookeeperClient().getZooKeeper().getSessionId();

        InterProcessMutex lock = new InterProcessMutex(client, "/again/lock");
        Checks.check(lock.acquire(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS), "a lock is acquired");
        PersistentNode node = new PersistentNode(client, CreateMode.EPHEMERAL, false,
                "/again/node", Fixture.bytes("x"));
        node.start();
        node.waitForInitialCreate(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS);
        LeaderLatch latch = new LeaderLatch(client, "/again/latch");
        latch.start();
        Checks.check(latch.await(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS), "a leader is chosen");
        BlockingQueue<String> created = new LinkedBlockingQueue<>();
        CountDownLatch filled = new CountDownLatch(1);
        CuratorCache cache = CuratorCache.build(client, "/again");
        cache.listenable().addListener(CuratorCacheListener.builder()
                .forInitialized(filled::countDown)
                .forCreates(child -> created.add(child.getPath())).build());
        cache.start();
        Checks.checkArrives(filled, "a cache fills");

        Checks.ask("stop the server");
        Checks.checkArrives(states, ConnectionState.SUSPENDED, "the connection is suspended");
        BlockingQueue<Integer> codes = new LinkedBlockingQueue<>();
        client.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                .inBackground((c, event) -> codes.add(event.getResultCode()))
                .forPath("/again/waiting-");
        Checks.ask("start the server");
        Checks.checkArrives(states, ConnectionState.RECONNECTED, "the connection comes back");
        Checks.checkEqual(session, client.getZookeeperClient().getZooKeeper().getSessionId(),
                "the session");
        Checks.checkArrives(codes, 0, "a creation that had to wait is done");
        Checks.checkEqual(1L, other.getChildren().forPath("/again").stream()
                .filter(name -> name.startsWith("_c_")).count(), "the number of its nodes");

        Checks.check(other.checkExists().forPath("/again/node") != null, "PersistentNode is there");
        Checks.checkEqual(1, lock.getParticipantNodes().size(), "the number of the lock's nodes");
        Checks.check(!new InterProcessMutex(other, "/again/lock").acquire(0, TimeUnit.MILLISECONDS),
                "the lock is still refused to others");
        lock.release();
        Checks.check(latch.await(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS), "it leads again");
        other.create().forPath("/again/later");
        Checks.checkArrives(created, "/again/later", "the cache follows changes again");
        cache.close();
        latch.close();
        node.close();
    }
}
