import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Objects;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** What the two programs share: checks that report themselves. */
class Check {
    static final String HOST = System.getenv("SERVER_HOST");
    static final int PORT = Integer.parseInt(System.getenv("SERVER_PORT"));
    static final int TLS_PORT = Integer.parseInt(System.getenv("SERVER_TLS_PORT"));
    static final String CA = System.getenv("SERVER_CA");
    private static boolean failed;

    interface Test {
        void run() throws Exception;
    }

    static void run(String name, Test test) {
        try {
            test.run();
            System.out.println("ok " + name);
        } catch (Throwable e) {
            failed = true;
            System.out.println("FAIL " + name + ": " + e);
        }
    }

    static void equal(Object got, Object want) {
        if (!Objects.equals(got, want)) {
            throw new AssertionError("got " + got + ", want " + want);
        }
    }

    /** A context that trusts the test's own authority. */
    static SSLContext trust() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream in = new FileInputStream(CA)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }

    static void end() {
        System.exit(failed ? 1 : 0);
    }
}
