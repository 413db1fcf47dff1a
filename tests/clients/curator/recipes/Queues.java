import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.state.ConnectionState;

/** Queues: sequential nodes in order, deleted once by one of two takers. */
final class Queues {
    private static final int ITEMS = 20;

    private Queues() {}

    static void run(Fixture fixture) throws Exception {
        CuratorFramework first = fixture.client();
        CuratorFramework second = fixture.client();
        checkSimple(first, second);
        checkBuilt(first, second);
        checkPriorities(first, second);
    }

    private static void checkSimple(CuratorFramework first, CuratorFramework second)
            throws Exception {
        SimpleDistributedQueue giver = new SimpleDistributedQueue(first, "/queues/simple");
        SimpleDistributedQueue taker = new SimpleDistributedQueue(second, "/queues/simple");
        for (int i = 0; i < ITEMS; ++i) {
            Checks.check(giver.offer(Fixture.bytes("" + i)), "an item is offered");
        }
        Checks.checkEqual("0", Fixture.text(taker.peek()), "the item in front");
        for (int i = 0; i < ITEMS; ++i) {
            Checks.checkEqual("" + i, Fixture.text((i % 2 == 0 ? taker : giver).poll(
                    Checks.DEADLINE_MS, TimeUnit.MILLISECONDS)), "the next item");
        }
        Checks.check(taker.poll() == null, "then the queue is empty");
    }

    private static void checkBuilt(CuratorFramework first, CuratorFramework second)
            throws Exception {
        BlockingQueue<String> taken = new LinkedBlockingQueue<>();
        try (DistributedQueue<String> giver = QueueBuilder
                .builder(first, null, new Texts(), "/queues/built").buildQueue();
                DistributedQueue<String> taker = QueueBuilder
                        .builder(second, new Taker(taken), new Texts(), "/queues/built")
                        .lockPath("/queues/built-locks").buildQueue()) {
            giver.start();
            taker.start();
            for (int i = 0; i < ITEMS; ++i) {
                giver.put("" + i);
            }
            for (int i = 0; i < ITEMS; ++i) {
                Checks.checkArrives(taken, "" + i, "DistributedQueue gives item " + i);
            }
        }
    }

    private static void checkPriorities(CuratorFramework first, CuratorFramework second)
            throws Exception {
        BlockingQueue<String> taken = new LinkedBlockingQueue<>();
        try (DistributedPriorityQueue<String> giver = QueueBuilder
                .builder(first, null, new Texts(), "/queues/priority").buildPriorityQueue(0)) {
            giver.start();
            giver.put("late", 9);
            giver.put("early", -5);
            giver.put("middle", 3);
            giver.flushPuts(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS);
            try (DistributedPriorityQueue<String> taker = QueueBuilder
                    .builder(second, new Taker(taken), new Texts(), "/queues/priority")
                    .buildPriorityQueue(0)) {
                taker.start();
                for (String item : new String[] {"early", "middle", "late"}) {
                    Checks.checkEqual(item,
                            taken.poll(Checks.DEADLINE_MS, TimeUnit.MILLISECONDS),
                            "the next item by priority");
                }
            }
        }
    }

    private static final class Texts implements QueueSerializer<String> {
        @Override
        public byte[] serialize(String item) {
            return Fixture.bytes(item);
        }

        @Override
        public String deserialize(byte[] bytes) {
            return Fixture.text(bytes);
        }
    }

    private static final class Taker implements QueueConsumer<String> {
        private final BlockingQueue<String> taken;

        Taker(BlockingQueue<String> taken) {
            this.taken = taken;
        }

        @Override
        public void consumeMessage(String item) {
            taken.add(item);
        }

        @Override
        public void stateChanged(CuratorFramework client, ConnectionState state) {}
    }
}
