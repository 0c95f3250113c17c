package server

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"cached/internal/config"
	"cached/internal/testcert"
)

// A tlsServer is a server with a port for TLS, and who signed its certificate.
type tlsServer struct {
	*Server
	port      string
	authority *testcert.Authority
	cert, key string
	roots     *x509.CertPool
}

func startTLS(t *testing.T, directives ...string) *tlsServer {
	t.Helper()
	dir := t.TempDir()
	authority, err := testcert.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	ts := &tlsServer{authority: authority, roots: x509.NewCertPool()}
	if ts.cert, ts.key, err = authority.Issue("server"); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(authority.CA)
	if err != nil || !ts.roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority's certificate cannot be read", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, ts.port, _ = net.SplitHostPort(ln.Addr().String())
	ln.Close()
	ts.Server, _ = startServer(t, false, append([]string{"--bind", "127.0.0.1", "--tls-port", ts.port, "--tls-cert-file", ts.cert,
		"--tls-key-file", ts.key, "--tls-ca-cert-file", authority.CA}, directives...)...)
	return ts
}

// ping connects with the client's settings and returns the serial number of the
// server's certificate.
func (ts *tlsServer) ping(c *tls.Config) (serial string, err error) {
	c.RootCAs, c.ServerName = ts.roots, "localhost"
	sock, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", "127.0.0.1:"+ts.port, c)
	if err != nil {
		return "", err
	}
	defer sock.Close()
	_ = sock.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprint(sock, "PING\r\n"); err != nil {
		return "", err
	}
	reply, err := bufio.NewReader(sock).ReadString('\n')
	if err == nil && reply != "+PONG\r\n" {
		err = fmt.Errorf("PING: %q", reply)
	}
	return sock.ConnectionState().PeerCertificates[0].SerialNumber.String(), err
}

func TestTLSServesBothVersions(t *testing.T) {
	ts := startTLS(t, "--tls-auth-clients", "no")
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if _, err := ts.ping(&tls.Config{MinVersion: v, MaxVersion: v}); err != nil {
			t.Errorf("%s: %v", tls.VersionName(v), err)
		}
	}
	if err := ts.cfg.Set([]config.Pair{{Name: "tls-protocols", Value: "TLSv1.3"}}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := ts.ping(&tls.Config{MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 is spoken though only 1.3 is allowed")
	}
	for name, bad := range map[string]string{"tls-protocols": "SSLv3", "tls-ciphers": "NULL-MD5", "tls-cert-file": "/nowhere"} {
		if err := ts.cfg.Set([]config.Pair{{Name: name, Value: bad}}, true); err == nil {
			t.Errorf("CONFIG SET %s %s was accepted", name, bad)
		}
	}
	if _, err := ts.ping(&tls.Config{}); err != nil {
		t.Errorf("after refused settings: %v", err)
	}
}

// The names of cipher suites are those of OpenSSL, and of the standards.
func TestCipherSuites(t *testing.T) {
	ids, err := cipherSuites("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:ECDHE-RSA-CHACHA20-POLY1305")
	want := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}
	if err != nil || fmt.Sprint(ids) != fmt.Sprint(want) {
		t.Errorf("got %x, %v; want %x", ids, err, want)
	}
}

// Clients show a certificate of the authority, if they have to.
func TestTLSAsksClientsForACertificate(t *testing.T) {
	ts := startTLS(t) // tls-auth-clients yes
	if _, err := ts.ping(&tls.Config{}); err == nil {
		t.Error("a client without a certificate was served")
	}
	load := func(a *testcert.Authority, name string) []tls.Certificate {
		cert, key, err := a.Issue(name)
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{pair}
	}
	good := load(ts.authority, "client")
	stranger, err := testcert.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bad := load(stranger, "client")
	if _, err := ts.ping(&tls.Config{Certificates: good}); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	if _, err := ts.ping(&tls.Config{Certificates: bad}); err == nil {
		t.Error("a certificate of another authority was accepted")
	}
	if err := ts.cfg.Set([]config.Pair{{Name: "tls-auth-clients", Value: "optional"}}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := ts.ping(&tls.Config{}); err != nil {
		t.Errorf("without a certificate where it is optional: %v", err)
	}
}

// Setting a file's name reads it anew even if the name is the same; so does
// ReloadTLS. What cannot be read leaves the old certificate in use.
func TestCertificatesAreReadAnew(t *testing.T) {
	ts := startTLS(t, "--tls-auth-clients", "no")
	serial := func() string {
		t.Helper()
		n, err := ts.ping(&tls.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := serial()
	if _, _, err := ts.authority.Issue("server"); err != nil {
		t.Fatal(err)
	}
	if n := serial(); n != first {
		t.Errorf("a new certificate %s is used before it was asked for", n)
	}
	if err := ts.cfg.Set([]config.Pair{{Name: "tls-cert-file", Value: ts.cert}}, true); err != nil {
		t.Fatal(err)
	}
	second := serial()
	if second == first {
		t.Error("CONFIG SET did not read the certificate anew")
	}
	if _, _, err := ts.authority.Issue("server"); err != nil {
		t.Fatal(err)
	}
	ts.ReloadTLS()
	third := serial()
	if third == second {
		t.Error("ReloadTLS did not read the certificate anew")
	}
	if err := os.WriteFile(ts.cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	ts.ReloadTLS()
	if n := serial(); n != third {
		t.Errorf("a broken file replaced certificate %s by %s", third, n)
	}
}

// A client that speaks no TLS, or stops in the middle of a handshake, is of no
// concern to others, and counted.
func TestBadHandshakes(t *testing.T) {
	ts := startTLS(t, "--tls-auth-clients", "no")
	plain, err := net.Dial("tcp", "127.0.0.1:"+ts.port)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprint(plain, "PING\r\n")
	_ = plain.SetReadDeadline(time.Now().Add(20 * time.Second))
	if b, err := bufio.NewReader(plain).ReadString('\n'); strings.Contains(b, "PONG") || err == nil {
		t.Errorf("a plain client got %q", b)
	}
	half, err := net.Dial("tcp", "127.0.0.1:"+ts.port)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	_, _ = half.Write([]byte{22, 3, 1, 2})
	if _, err := ts.ping(&tls.Config{}); err != nil {
		t.Errorf("beside a slow handshake: %v", err)
	}
	if n := ts.transport.tlsErrors.Load(); n < 1 {
		t.Errorf("%d failed handshakes counted", n)
	}
}

func TestTheTLSPortMoves(t *testing.T) {
	ts := startTLS(t, "--tls-auth-clients", "no")
	old := ts.port
	ts.port = strconv.Itoa(unusedPort(t))
	if err := ts.cfg.Set([]config.Pair{{Name: "tls-port", Value: ts.port}}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := ts.ping(&tls.Config{}); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", "127.0.0.1:"+old); err == nil {
		conn.Close()
		t.Error("the old port is still there")
	}
}
