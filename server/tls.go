package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cached/internal/config"
)

// TLS runs on the portable transport: crypto/tls wants a connection that it may
// wait on. The listener asks for the current settings at every handshake, so that
// new certificates need no restart.

// tlsDirectives are those that tlsConfig reads.
const tlsDirectives = "tls-cert-file tls-key-file tls-key-file-pass tls-ca-cert-file tls-ca-cert-dir tls-auth-clients " +
	"tls-protocols tls-ciphers tls-prefer-server-ciphers tls-session-caching"

// handshakeTimeout is how long a client may take until its connection is secure.
const handshakeTimeout = 10 * time.Second

// tlsOn reports whether there is a port for TLS.
func (t *transport) tlsOn() bool { return t.cfg.Value("tls-port").Int() != 0 }

// setTLS takes over the settings of TLS, and reads the files they name anew.
func (t *transport) setTLS(*config.Value) error {
	if !t.tlsOn() {
		return nil
	}
	c, err := t.tlsConfig()
	if err != nil {
		t.log.Warn("cannot use the settings of TLS", "error", err)
		return errors.New("Unable to update TLS configuration. Check server logs.")
	}
	t.tls.Store(c)
	return nil
}

// ReloadTLS reads certificates and keys anew. If they cannot be used those that
// were read before stay.
func (t *transport) ReloadTLS() {
	if t.setTLS(nil) == nil && t.tlsOn() {
		t.log.Info("read the certificates of TLS anew")
	}
}

// tlsConfig makes the settings of a handshake from the directives and the files
// they name.
func (t *transport) tlsConfig() (*tls.Config, error) {
	text := func(name string) string { return t.cfg.Value(name).String() }
	c := &tls.Config{MinVersion: tls.VersionTLS12, SessionTicketsDisabled: !t.cfg.Value("tls-session-caching").Bool()}
	if text("tls-cert-file") == "" || text("tls-key-file") == "" {
		return nil, errors.New("no tls-cert-file and tls-key-file configured")
	}
	cert, err := loadKeyPair(text("tls-cert-file"), text("tls-key-file"), text("tls-key-file-pass"))
	if err != nil {
		return nil, fmt.Errorf("load certificate and key: %w", err)
	}
	c.Certificates = []tls.Certificate{cert}
	switch text("tls-auth-clients") {
	case "yes":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case "optional":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	if c.ClientAuth != tls.NoClientCert {
		if c.ClientCAs, err = authorities(text("tls-ca-cert-file"), text("tls-ca-cert-dir")); err != nil {
			return nil, err
		}
	}
	if c.MinVersion, c.MaxVersion, err = tlsVersions(text("tls-protocols")); err != nil {
		return nil, err
	}
	c.CipherSuites, err = cipherSuites(text("tls-ciphers"))
	return c, err
}

// authorities reads the certificates that those of clients have to be signed by.
func authorities(file, dir string) (*x509.CertPool, error) {
	var files []string
	if file != "" {
		files = append(files, file)
	}
	if dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			return nil, fmt.Errorf("tls-ca-cert-dir: %w", err)
		}
		files = append(files, more...)
	}
	if len(files) == 0 {
		return nil, errors.New("either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-auth-clients is enabled")
	}
	pool := x509.NewCertPool()
	found := false
	for _, f := range files {
		pem, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read authorities: %w", err)
		}
		found = pool.AppendCertsFromPEM(pem) || found
	}
	if !found {
		return nil, fmt.Errorf("no certificate in %s", strings.Join(files, ", "))
	}
	return pool, nil
}

// tlsVersions reads tls-protocols: the versions that are spoken, or "" for all
// that are safe.
func tlsVersions(text string) (lowest, highest uint16, err error) {
	if strings.TrimSpace(text) == "" {
		return tls.VersionTLS12, 0, nil
	}
	for _, word := range strings.Fields(text) {
		var v uint16
		switch strings.ToLower(word) {
		case "tlsv1.2":
			v = tls.VersionTLS12
		case "tlsv1.3":
			v = tls.VersionTLS13
		default:
			return 0, 0, fmt.Errorf("tls-protocols: %q is not TLSv1.2 or TLSv1.3", word)
		}
		if lowest == 0 || v < lowest {
			lowest = v
		}
		highest = max(highest, v)
	}
	return lowest, highest, nil
}

// cipherSuites reads tls-ciphers, which concerns TLS 1.2 only: names as OpenSSL
// or the standards have them, between colons. "" and DEFAULT leave the choice to
// crypto/tls.
func cipherSuites(text string) ([]uint16, error) {
	if text == "" || strings.EqualFold(text, "DEFAULT") {
		return nil, nil
	}
	known := make(map[string]uint16)
	for _, suite := range tls.CipherSuites() {
		if slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			known[suite.Name] = suite.ID
			known[openSSLName(suite.Name)] = suite.ID
		}
	}
	var ids []uint16
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == ' ' || r == ',' }) {
		id, ok := known[strings.ToUpper(name)]
		if !ok {
			return nil, fmt.Errorf("tls-ciphers: %q is not supported", name)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// openSSLName is what OpenSSL calls a cipher suite: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
// is ECDHE-RSA-AES128-GCM-SHA256 there.
func openSSLName(name string) string {
	name = strings.TrimPrefix(name, "TLS_")
	name = strings.Replace(name, "_WITH_", "_", 1)
	name = strings.Replace(name, "AES_", "AES", 1)
	name = strings.TrimSuffix(name, "_SHA256") + strings.Repeat("_SHA256", strings.Count(name, "GCM_SHA256"))
	return strings.ReplaceAll(name, "_", "-")
}

// secured makes a connection one of TLS, with the settings of the moment of its
// handshake.
func (t *transport) secured(sock net.Conn) net.Conn {
	return tls.Server(sock, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.tls.Load(), nil }})
}

// secure makes a connection of TLS ready for use; others are. It reports false if
// it cannot be used.
func (c *netConn) secure() bool {
	sock, ok := c.sock.(*tls.Conn)
	if !ok {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	if err := sock.HandshakeContext(ctx); err != nil {
		c.t.tlsErrors.Add(1)
		c.srv.log.Debug("a client's handshake failed", "client", c.addr, "error", err)
		return false
	}
	return true
}
