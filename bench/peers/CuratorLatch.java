import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.retry.RetryOneTime;

/** Stands by LeaderLatch and prints `leads` when it is the leader; gives up orderly on SIGTERM. */
public class CuratorLatch {
    public static void main(String[] args) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], 4000, 2000, new RetryOneTime(100));
        client.start();
        LeaderLatch latch = new LeaderLatch(client, "/bench", args[1]);
        latch.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                latch.close();
                client.close();
            } catch (Exception ignored) {
                System.exit(1);
            }
        }));
        latch.await();
        System.out.println("leads");
        Thread.sleep(Long.MAX_VALUE);
    }
}
