import java.util.Map;
import java.util.TreeMap;

/** {@code Main HOST:PORT GROUP}: runs a group of checks; the status is 0 when all passed. */
final class Main {
    interface Group {
        void run(Fixture fixture) throws Exception;
    }

    private static final Map<String, Group> GROUPS = new TreeMap<>(Map.of(
            "barriers", Barriers::run,
            "caches", Caches::run,
            "counters", Counters::run,
            "leaders", Leaders::run,
            "locks", Locks::run,
            "nodes", Nodes::run,
            "operations", Operations::run,
            "queues", Queues::run,
            "reconnection", Reconnection::run,
            "tracker", Tracker::run));

    private Main() {}

    public static void main(String[] arguments) {
        if (arguments.length != 2 || !GROUPS.containsKey(arguments[1])) {
            System.err.println("usage: Main HOST:PORT " + String.join("|", GROUPS.keySet()));
            System.exit(2);
        }
        try (Fixture fixture = new Fixture(arguments[0])) {
            GROUPS.get(arguments[1]).run(fixture);
        } catch (Exception error) {
            error.printStackTrace();
            Checks.check(false, "an exception ended the group: " + error);
        }
        System.exit(Checks.failed() == 0 ? 0 : 1);
    }
}
