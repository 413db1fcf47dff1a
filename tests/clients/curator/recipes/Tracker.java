import org.apache.curator.ensemble.fixed.FixedEnsembleProvider;
import org.apache.curator.framework.CuratorFramework;

/**
 * The ensemble tracker, on by default: it reads the server's published configuration, and would
 * lead clients astray if addresses in there were not those that clients can reach.
 */
final class Tracker {
    private Tracker() {}

    static void run(Fixture fixture) throws Exception {
        FixedEnsembleProvider ensemble = new FixedEnsembleProvider(fixture.server());
        CuratorFramework client =
                fixture.started(fixture.builder().ensembleProvider(ensemble).build());
        client.create().forPath("/tracker");
        byte[] configuration = client.getConfig().forEnsemble();
        Checks.check(configuration != null, "the configuration can be read");
        Checks.checkEqual(fixture.server(), ensemble.getConnectionString(), "the connect string");
        Checks.checkEqual(0, client.getCurrentConfig().getAllMembers().size(),
                "the number of ensemble members the tracker knows");
        client.getZookeeperClient().reset();
        Checks.check(client.checkExists().forPath("/tracker") != null,
                "a new connection finds the server again");
        Checks.checkEqual(fixture.server(), ensemble.getConnectionString(), "the connect string");
    }
}
