import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.api.CuratorEvent;
import org.apache.curator.framework.api.transaction.CuratorOp;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.api.transaction.OperationType;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

/** The framework's builders: creation in many forms, transactions, background calls, watches. */
final class Operations {
    private Operations() {}

    static void run(Fixture fixture) throws Exception {
        CuratorFramework client = fixture.client();
        checkCreation(client);
        checkContainers(client);
        checkProtection(client);
        checkConditionalWrites(client);
        checkTransactions(client);
        checkBackground(client);
        checkWatches(client, fixture.client());
        checkAcls(fixture, client);
        checkNamespace(client);
        checkExpiry(client);
    }

    private interface Call {
        void make() throws Exception;
    }

    private static void checkFails(Class<? extends Exception> kind, Call call, String what)
            throws Exception {
        try {
            call.make();
            Checks.check(false, what + " fails");
        } catch (KeeperException error) {
            Checks.checkEqual(kind, error.getClass(), what + ": the failure");
        }
    }

    private static void checkCreation(CuratorFramework client) throws Exception {
        Stat stat = new Stat();
        Checks.checkEqual("/ops/a/b", client.create().storingStatIn(stat).creatingParentsIfNeeded()
                .forPath("/ops/a/b", Fixture.bytes("data")), "the created path");
        Checks.check(stat.getDataLength() == 4 && stat.getVersion() == 0 && stat.getCzxid() > 0,
                "its Stat comes with it");
        Checks.checkEqual(stat, client.checkExists().forPath("/ops/a/b"), "the Stat read later");
        checkFails(KeeperException.NodeExistsException.class,
                () -> client.create().forPath("/ops/a/b"), "creating it again");
        client.create().orSetData().forPath("/ops/a/b", Fixture.bytes("other"));
        Checks.checkEqual("other", Fixture.text(client.getData().forPath("/ops/a/b")),
                "the data after orSetData");
        client.create().idempotent().withMode(CreateMode.PERSISTENT)
                .forPath("/ops/same", Fixture.bytes("1"));
        client.create().idempotent().withMode(CreateMode.PERSISTENT)
                .forPath("/ops/same", Fixture.bytes("1"));
        Checks.check(true, "an idempotent creation may be repeated");
        Checks.checkEqual("/ops/s-0000000002", client.create()
                .withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/ops/s-"), "a sequential path");
        Checks.checkEqual(List.of("a", "s-0000000002", "same"),
                client.getChildren().forPath("/ops").stream().sorted().toList(), "the children");
        client.create().creatingParentsIfNeeded().forPath("/ops/compressed");
        client.setData().compressed().forPath("/ops/compressed", Fixture.bytes("x".repeat(9999)));
        Checks.checkEqual(9999, client.getData().decompressed().forPath("/ops/compressed").length,
                "the size of data that was compressed on the way");
    }

    private static void checkContainers(CuratorFramework client) throws Exception {
        client.create().creatingParentContainersIfNeeded().forPath("/ops-box/inner/leaf");
        Stat stat = client.checkExists().forPath("/ops-box/inner");
        Checks.checkEqual(0L, stat.getEphemeralOwner(), "the owner of a container");
        client.delete().forPath("/ops-box/inner/leaf");
        Checks.checkBecomes(() -> client.checkExists().forPath("/ops-box") == null,
                "containers are deleted once their last child is");
        client.create().withMode(CreateMode.CONTAINER).forPath("/ops-unused");
        Checks.check(client.checkExists().forPath("/ops-unused") != null, "a container by mode");
    }

    private static void checkProtection(CuratorFramework client) throws Exception {
        String path = client.create().creatingParentContainersIfNeeded().withProtection()
                .withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath("/ops-protected/n-");
        Checks.check(path.matches("/ops-protected/_c_[0-9a-f-]{36}-n-0000000000"),
                "a protected path: " + path);
    }

    private static void checkConditionalWrites(CuratorFramework client) throws Exception {
        client.create().forPath("/ops/versioned", Fixture.bytes("0"));
        Stat stat = client.setData().withVersion(0).forPath("/ops/versioned", Fixture.bytes("1"));
        Checks.checkEqual(1, stat.getVersion(), "the version after a conditional set");
        checkFails(KeeperException.BadVersionException.class,
                () -> client.setData().withVersion(0).forPath("/ops/versioned"), "an old version");
        client.setData().idempotent().withVersion(0).forPath("/ops/versioned", Fixture.bytes("1"));
        Checks.check(true, "an idempotent set may be repeated");
        checkFails(KeeperException.BadVersionException.class,
                () -> client.delete().withVersion(9).forPath("/ops/versioned"), "a wrong version");
        client.delete().guaranteed().withVersion(1).forPath("/ops/versioned");
        client.delete().quietly().forPath("/ops/versioned");
        client.delete().idempotent().forPath("/ops/versioned");
        checkFails(KeeperException.NoNodeException.class,
                () -> client.delete().forPath("/ops/versioned"), "deleting a missing node");
    }

    private static void checkTransactions(CuratorFramework client) throws Exception {
        client.create().creatingParentsIfNeeded().forPath("/ops-tx/old");
        List<CuratorTransactionResult> results = client.transaction().forOperations(
                client.transactionOp().create().forPath("/ops-tx/new", Fixture.bytes("1")),
                client.transactionOp().create().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                        .forPath("/ops-tx/s-"),
                client.transactionOp().create().withMode(CreateMode.CONTAINER)
                        .forPath("/ops-tx/box"),
                client.transactionOp().check().withVersion(0).forPath("/ops-tx/new"),
                client.transactionOp().setData().forPath("/ops-tx/new", Fixture.bytes("22")),
                client.transactionOp().delete().forPath("/ops-tx/old"));
        Checks.checkEqual(List.of(OperationType.CREATE, OperationType.CREATE, OperationType.CREATE,
                OperationType.CHECK, OperationType.SET_DATA, OperationType.DELETE),
                results.stream().map(CuratorTransactionResult::getType).toList(), "the results");
        Checks.checkEqual("/ops-tx/s-0000000002", results.get(1).getResultPath(), "a result path");
        Checks.checkEqual(2, results.get(4).getResultStat().getDataLength(), "a result's Stat");
        Checks.checkEqual(client.checkExists().forPath("/ops-tx/new").getCzxid(),
                results.get(4).getResultStat().getMzxid(), "the zxid of the set");

        CuratorOp good = client.transactionOp().create().forPath("/ops-tx/never");
        CuratorOp bad = client.transactionOp().check().withVersion(77).forPath("/ops-tx/new");
        checkFails(KeeperException.BadVersionException.class,
                () -> client.transaction().forOperations(good, bad), "a transaction");
        Checks.check(client.checkExists().forPath("/ops-tx/never") == null, "it has done nothing");
    }

    private static void checkBackground(CuratorFramework client) throws Exception {
        BlockingQueue<CuratorEvent> events = new LinkedBlockingQueue<>();
        client.create().inBackground((c, event) -> events.add(event), "context")
                .forPath("/ops/background", Fixture.bytes("d"));
        Checks.checkAnyArrives(events, event -> event.getResultCode() == 0
                && event.getContext().equals("context"), "a creation in the background");
        client.getData().inBackground((c, event) -> events.add(event)).forPath("/ops/background");
        Checks.checkAnyArrives(events, event -> Fixture.text(event.getData()).equals("d"),
                "a read in the background");
        client.getChildren().inBackground((c, event) -> events.add(event)).forPath("/ops/missing");
        Checks.checkAnyArrives(events,
                event -> event.getResultCode() == KeeperException.Code.NONODE.intValue(),
                "a failure in the background");
        client.sync().inBackground((c, event) -> events.add(event)).forPath("/ops");
        Checks.checkAnyArrives(events, event -> event.getPath().equals("/ops"), "sync");
    }

    private static void checkWatches(CuratorFramework client, CuratorFramework other)
            throws Exception {
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        org.apache.curator.framework.api.CuratorWatcher watcher =
                event -> events.add(event.getType() + " " + event.getPath());
        client.getData().usingWatcher(watcher).forPath("/ops/background");
        client.checkExists().usingWatcher(watcher).forPath("/ops/later");
        other.setData().forPath("/ops/background");
        Checks.checkArrives(events, "NodeDataChanged /ops/background", "a data watch");
        other.create().forPath("/ops/later");
        Checks.checkArrives(events, "NodeCreated /ops/later", "an exists watch");
        client.watchers().add().withMode(AddWatchMode.PERSISTENT).usingWatcher(watcher)
                .forPath("/ops/later");
        for (int i = 0; i < 2; ++i) {
            other.setData().forPath("/ops/later");
            Checks.checkArrives(events, "NodeDataChanged /ops/later", "a persistent watch");
        }
        client.watchers().remove(watcher).ofType(WatcherType.Any).forPath("/ops/later");
        checkFails(KeeperException.NoWatcherException.class,
                () -> client.watchers().remove(watcher).ofType(WatcherType.Any)
                        .forPath("/ops/later"), "removing it again");
    }

    private static void checkAcls(Fixture fixture, CuratorFramework stranger) throws Exception {
        CuratorFramework owner = fixture.started(
                fixture.builder().authorization("digest", Fixture.bytes("me:secret")).build());
        owner.create().withACL(ZooDefs.Ids.CREATOR_ALL_ACL).forPath("/ops-own", Fixture.bytes("x"));
        List<ACL> acl = owner.getACL().forPath("/ops-own");
        Checks.check(acl.size() == 1 && acl.get(0).getId().getScheme().equals("digest")
                && acl.get(0).getId().getId().startsWith("me:"), "the creator's ACL");
        checkFails(KeeperException.NoAuthException.class,
                () -> stranger.getData().forPath("/ops-own"), "a stranger's read");
        owner.setACL().withVersion(0).withACL(ZooDefs.Ids.OPEN_ACL_UNSAFE).forPath("/ops-own");
        Checks.checkEqual("x", Fixture.text(stranger.getData().forPath("/ops-own")),
                "what a stranger reads once it is open");
    }

    private static void checkNamespace(CuratorFramework client) throws Exception {
        CuratorFramework below = client.usingNamespace("ops-namespace");
        below.create().forPath("/a", Fixture.bytes("n"));
        Checks.checkEqual("n", Fixture.text(client.getData().forPath("/ops-namespace/a")),
                "the data in a namespace, by its whole path");
    }

    private static void checkExpiry(CuratorFramework client) throws Exception {
        client.create().withTtl(300).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/ops-ttl");
        Checks.checkBecomes(() -> client.checkExists().forPath("/ops-ttl") == null,
                "a node with a time to live is deleted");
    }
}
