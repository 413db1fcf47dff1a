import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;

/** The caches, old and new: one client writes, another's cache follows. */
@SuppressWarnings("deprecation")
final class Caches {
    private Caches() {}

    static void run(Fixture fixture) throws Exception {
        CuratorFramework reader = fixture.client();
        CuratorFramework writer = fixture.client();
        checkCuratorCache(reader, writer);
        checkSingleNode(reader, writer);
        checkTreeCache(reader, writer);
        checkPathChildrenCache(reader, writer);
        checkNodeCache(reader, writer);
        checkPersistentWatcher(reader, writer);
    }

    private static void make(CuratorFramework client, String path, String data) throws Exception {
        client.create().creatingParentsIfNeeded().forPath(path, Fixture.bytes(data));
    }

    private static void set(CuratorFramework client, String path, String data) throws Exception {
        client.setData().forPath(path, Fixture.bytes(data));
    }

    private static void checkCuratorCache(CuratorFramework reader, CuratorFramework writer)
            throws Exception {
        make(writer, "/caches/new/a/b", "old");
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        CountDownLatch filled = new CountDownLatch(1);
        try (CuratorCache cache = CuratorCache.build(reader, "/caches/new")) {
            cache.listenable().addListener(CuratorCacheListener.builder()
                    .forInitialized(filled::countDown)
                    .forCreates(node -> events.add("created " + node.getPath()))
                    .forChanges((before, after) -> events.add("changed " + after.getPath() + " "
                            + Fixture.text(before.getData()) + ">" + Fixture.text(after.getData())))
                    .forDeletes(node -> events.add("deleted " + node.getPath())).build());
            cache.start();
            Checks.checkArrives(filled, "CuratorCache fills");
            Checks.checkEqual(3L, cache.stream().count(), "the number of nodes in it");
            set(writer, "/caches/new/a/b", "new");
            Checks.checkArrives(events, "changed /caches/new/a/b old>new", "it follows a change");
            make(writer, "/caches/new/a/b/c", "");
            Checks.checkArrives(events, "created /caches/new/a/b/c", "it follows a creation");
            writer.delete().deletingChildrenIfNeeded().forPath("/caches/new/a");
            Checks.checkArrives(events, "deleted /caches/new/a", "it follows a deletion");
            Checks.checkEqual(1L, cache.stream().count(), "the number of nodes left");
        }
    }

    private static void checkSingleNode(CuratorFramework reader, CuratorFramework writer)
            throws Exception {
        make(writer, "/caches/one/child", "");
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        try (CuratorCache cache = CuratorCache.build(reader, "/caches/one",
                CuratorCache.Options.SINGLE_NODE_CACHE)) {
            cache.listenable().addListener(CuratorCacheListener.builder()
                    .forAll((kind, before, after) -> events.add(kind + " " + after.getPath()))
                    .build());
            cache.start();
            Checks.checkArrives(events, "NODE_CREATED /caches/one", "a cache of one node fills");
            set(writer, "/caches/one/child", "x");
            set(writer, "/caches/one", "x");
            Checks.checkArrives(events, "NODE_CHANGED /caches/one", "it follows a change");
            Checks.checkEqual(1L, cache.stream().count(), "the number of nodes in it");
        }
    }

    private static void checkTreeCache(CuratorFramework reader, CuratorFramework writer)
            throws Exception {
        make(writer, "/caches/tree/a/b", "");
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        try (TreeCache cache = new TreeCache(reader, "/caches/tree")) {
            cache.getListenable().addListener((client, event) -> events.add(event.getType()
                    + (event.getData() == null ? "" : " " + event.getData().getPath())));
            cache.start();
            Checks.checkArrives(events, "INITIALIZED", "TreeCache fills");
            Checks.check(cache.getCurrentData("/caches/tree/a/b") != null, "its leaf is there");
            make(writer, "/caches/tree/a/c", "");
            Checks.checkArrives(events, "NODE_ADDED /caches/tree/a/c", "it follows a creation");
            set(writer, "/caches/tree/a/c", "x");
            Checks.checkArrives(events, "NODE_UPDATED /caches/tree/a/c", "it follows a change");
            writer.delete().forPath("/caches/tree/a/c");
            Checks.checkArrives(events, "NODE_REMOVED /caches/tree/a/c", "it follows a deletion");
        }
    }

    private static void checkPathChildrenCache(CuratorFramework reader, CuratorFramework writer)
            throws Exception {
        make(writer, "/caches/path/a", "1");
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        try (PathChildrenCache cache = new PathChildrenCache(reader, "/caches/path", true)) {
            cache.getListenable().addListener((client, event) -> events.add(event.getType()
                    + (event.getData() == null ? "" : " " + event.getData().getPath())));
            cache.start(PathChildrenCache.StartMode.POST_INITIALIZED_EVENT);
            Checks.checkArrives(events, "INITIALIZED", "PathChildrenCache fills");
            make(writer, "/caches/path/b", "2");
            Checks.checkArrives(events, "CHILD_ADDED /caches/path/b", "it follows a creation");
            set(writer, "/caches/path/a", "3");
            Checks.checkArrives(events, "CHILD_UPDATED /caches/path/a", "it follows a change");
            Checks.checkEqual("3", Fixture.text(cache.getCurrentData("/caches/path/a").getData()),
                    "the data in it");
            writer.delete().forPath("/caches/path/a");
            Checks.checkArrives(events, "CHILD_REMOVED /caches/path/a", "it follows a deletion");
        }
    }

    private static void checkNodeCache(CuratorFramework reader, CuratorFramework writer)
            throws Exception {
        BlockingQueue<String> states = new LinkedBlockingQueue<>();
        try (NodeCache cache = new NodeCache(reader, "/caches/node")) {
            cache.getListenable().addListener(() -> states.add(cache.getCurrentData() == null
                    ? "none" : Fixture.text(cache.getCurrentData().getData())));
            cache.start(true);
            Checks.check(cache.getCurrentData() == null, "NodeCache of a missing node is empty");
            make(writer, "/caches/node", "1");
            Checks.checkArrives(states, "1", "it follows a creation");
            set(writer, "/caches/node", "2");
            Checks.checkArrives(states, "2", "it follows a change");
            writer.delete().forPath("/caches/node");
            Checks.checkArrives(states, "none", "it follows a deletion");
        }
    }

    private static void checkPersistentWatcher(CuratorFramework reader, CuratorFramework writer)
            throws Exception {
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        CountDownLatch set = new CountDownLatch(1);
        try (PersistentWatcher watcher = new PersistentWatcher(reader, "/caches/watched", true)) {
            watcher.getListenable().addListener(
                    event -> events.add(event.getType() + " " + event.getPath()));
            watcher.getResetListenable().addListener(set::countDown);
            watcher.start();
            Checks.checkArrives(set, "PersistentWatcher is set");
            make(writer, "/caches/watched/a", "");
            Checks.checkArrives(events, "NodeCreated /caches/watched/a", "it tells of a creation");
            for (int i = 0; i < 3; ++i) {
                set(writer, "/caches/watched/a", "x");
                Checks.checkArrives(events, "NodeDataChanged /caches/watched/a",
                        "it tells of each change");
            }
        }
    }
}
