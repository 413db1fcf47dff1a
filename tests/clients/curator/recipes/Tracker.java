import org.apache.curator.ensemble.fixed.FixedEnsembleProvider;
import org.apache.curator.framework.CuratorFramework;

/**
 * The ensemble tracker, on by default: it reads the server's published configuration, and would
 * lead clients astray if addresses in there were not those that clients can reach. The system
 * property "members" has the addresses of an ensemble; without it there is a single server.
 */
final class Tracker {
    private Tracker() {}

    static void run(Fixture fixture) throws Exception {
        String members = System.getProperty("members", "");
        String expected = members.isEmpty() ? fixture.server() : members;
        int count = members.isEmpty() ? 0 : members.split(",").length;
        FixedEnsembleProvider ensemble = new FixedEnsembleProvider(fixture.server());
        CuratorFramework client =
                fixture.started(fixture.builder().ensembleProvider(ensemble).build());
        client.create().forPath("/tracker");
        byte[] configuration = client.getConfig().forEnsemble();
        Checks.check(configuration != null, "the configuration can be read");
        Checks.checkBecomes(() -> expected.equals(ensemble.getConnectionString()),
                "the connect string is " + expected);
        Checks.checkEqual(count, client.getCurrentConfig().getAllMembers().size(),
                "the number of ensemble members the tracker knows");
        client.getZookeeperClient().reset();
        client.sync().forPath("/tracker");
        Checks.check(client.checkExists().forPath("/tracker") != null,
                "a new connection finds a server again");
        Checks.checkEqual(expected, ensemble.getConnectionString(), "the connect string");
    }
}
