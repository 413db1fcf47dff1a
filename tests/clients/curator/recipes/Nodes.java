import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.data.Stat;

/** Nodes that their owner keeps alive, and membership of a group. */
final class Nodes {
    private static final long TTL_MS = 1_000;

    private Nodes() {}

    static void run(Fixture fixture) throws Exception {
        CuratorFramework owner = fixture.client();
        CuratorFramework other = fixture.client();
        checkPersistentNode(owner, other);
        checkForeignNode(owner, other);
        checkTtlNode(owner, other);
        checkGroup(owner, other);
    }

    private static boolean exists(CuratorFramework client, String path) throws Exception {
        return client.checkExists().forPath(path) != null;
    }

    private static void checkPersistentNode(CuratorFramework owner, CuratorFramework other)
            throws Exception {
        PersistentNode node = new PersistentNode(owner, CreateMode.EPHEMERAL, false,
                "/nodes/persistent", Fixture.bytes("data"));
        node.start();
        Checks.check(node.waitForInitialCreate(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS),
                "PersistentNode is created");
        Stat before = other.checkExists().forPath("/nodes/persistent");
        Checks.checkEqual(owner.getZookeeperClient().getZooKeeper().getSessionId(),
                before.getEphemeralOwner(), "its owner");
        CountDownLatch again = new CountDownLatch(1);
        node.getListenable().addListener(path -> again.countDown());
        other.delete().forPath("/nodes/persistent");
        Checks.checkArrives(again, "deleted by another, it is created again");
        node.setData(Fixture.bytes("new"));
        Checks.checkBecomes(
                () -> Fixture.text(other.getData().forPath("/nodes/persistent")).equals("new"),
                "its data can be set");
        node.close();
        Checks.check(!exists(other, "/nodes/persistent"), "closed, it is gone");
    }

    /** A node of another session is in the way; when it goes, the own one takes its place. */
    private static void checkForeignNode(CuratorFramework owner, CuratorFramework other)
            throws Exception {
        other.create().creatingParentsIfNeeded().withMode(CreateMode.EPHEMERAL)
                .forPath("/nodes/foreign");
        try (PersistentNode node = new PersistentNode(owner, CreateMode.EPHEMERAL, false,
                "/nodes/foreign", Fixture.bytes(""))) {
            node.start();
            Checks.check(node.waitForInitialCreate(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS),
                    "PersistentNode finds a node of another session");
            other.delete().forPath("/nodes/foreign");
            long session = owner.getZookeeperClient().getZooKeeper().getSessionId();
            Checks.checkBecomes(() -> {
                Stat stat = other.checkExists().forPath("/nodes/foreign");
                return stat != null && stat.getEphemeralOwner() == session;
            }, "that deleted, the own one takes its place");
        }
    }

    private static void checkTtlNode(CuratorFramework owner, CuratorFramework other)
            throws Exception {
        PersistentTtlNode node =
                new PersistentTtlNode(owner, "/nodes/ttl", TTL_MS, Fixture.bytes("data"));
        node.start();
        Checks.check(node.waitForInitialCreate(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS),
                "PersistentTtlNode is created");
        Stat first = new Stat();
        Checks.checkBecomes(() -> exists(other, "/nodes/ttl/touch"), "it has a child");
        other.getData().storingStatIn(first).forPath("/nodes/ttl/touch");
        Checks.checkBecomes(() -> {
            Stat stat = other.checkExists().forPath("/nodes/ttl/touch");
            return stat != null && stat.getVersion() >= first.getVersion() + 3;
        }, "its child is written again and again");
        Checks.check(exists(other, "/nodes/ttl"), "it lives on, past its time to live");
        node.close();
        Checks.checkBecomes(() -> !exists(other, "/nodes/ttl"), "closed, it is reaped");
    }

    private static void checkGroup(CuratorFramework owner, CuratorFramework other)
            throws Exception {
        GroupMember mine = new GroupMember(owner, "/nodes/group", "first", Fixture.bytes("1"));
        mine.start();
        try (GroupMember theirs = new GroupMember(other, "/nodes/group", "second",
                Fixture.bytes("2"))) {
            theirs.start();
            Checks.checkBecomes(() -> theirs.getCurrentMembers().size() == 2
                    && mine.getCurrentMembers().size() == 2, "both members see both");
            Checks.checkEqual("1", Fixture.text(theirs.getCurrentMembers().get("first")),
                    "the first member's data");
            mine.close();
            Checks.checkBecomes(() -> !theirs.getCurrentMembers().containsKey("first"),
                    "a member that leaves is seen no more");
        }
    }
}
