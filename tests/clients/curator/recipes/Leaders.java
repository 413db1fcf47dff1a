import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;

/** Elections among two clients. */
final class Leaders {
    private Leaders() {}

    static void run(Fixture fixture) throws Exception {
        CuratorFramework first = fixture.client();
        CuratorFramework second = fixture.client();
        checkLatch(first, second);
        checkSelector(first, second);
    }

    private static void checkLatch(CuratorFramework first, CuratorFramework second)
            throws Exception {
        LeaderLatch mine = new LeaderLatch(first, "/leaders/latch", "first");
        LeaderLatch theirs = new LeaderLatch(second, "/leaders/latch", "second");
        mine.start();
        Checks.check(mine.await(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS), "the first leads");
        theirs.start();
        Checks.checkBecomes(() -> mine.getParticipants().size() == 2, "there are two participants");
        Checks.check(!theirs.hasLeadership(), "the second does not lead");
        Checks.checkEqual("first", theirs.getLeader().getId(), "the leader as the second sees it");
        mine.close();
        Checks.check(theirs.await(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS),
                "the second leads when the first has closed");
        Checks.checkEqual("second", theirs.getLeader().getId(), "the leader");
        theirs.close();
    }

    private static void checkSelector(CuratorFramework first, CuratorFramework second)
            throws Exception {
        BlockingQueue<String> leaders = new LinkedBlockingQueue<>();
        CountDownLatch enough = new CountDownLatch(1);
        try (LeaderSelector mine = selector(first, "first", leaders, enough);
                LeaderSelector theirs = selector(second, "second", leaders, enough)) {
            mine.start();
            Checks.checkArrives(leaders, "first", "LeaderSelector: the first is chosen");
            theirs.start();
            Checks.checkBecomes(() -> theirs.getParticipants().size() == 2, "both take part");
            Checks.checkEqual("first", theirs.getLeader().getId(), "the leader");
            mine.interruptLeadership();
            Checks.checkArrives(leaders, "second", "it gives up, the second is chosen");
            theirs.interruptLeadership();
            Checks.checkArrives(leaders, "first", "autoRequeue: the first is chosen again");
            enough.countDown();
        }
    }

    /** A participant that leads until it is interrupted, or until {@code enough} opens. */
    private static LeaderSelector selector(CuratorFramework client, String name,
            BlockingQueue<String> leaders, CountDownLatch enough) {
        LeaderSelector selector = new LeaderSelector(client, "/leaders/selector",
                new LeaderSelectorListenerAdapter() {
                    @Override
                    public void takeLeadership(CuratorFramework leader) throws Exception {
                        leaders.add(name);
                        enough.await();
                    }
                });
        selector.setId(name);
        selector.autoRequeue();
        return selector;
    }
}
