package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cached/internal/config"
)

// testdata/keys has one key in several forms, as OpenSSL 3 writes them with the
// password "secret".
func TestEncryptedKeysAreRead(t *testing.T) {
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join("testdata", "keys", name+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	block, _ := pem.Decode(read("plain"))
	want := block.Bytes
	for _, name := range []string{"aes256-sha256", "aes128-sha1", "aes192-sha512", "des3", "plain"} {
		got, err := decryptKey(read(name), "secret")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if block, _ := pem.Decode(got); block == nil || !bytes.Equal(block.Bytes, want) {
			t.Errorf("%s is another key", name)
		}
		if name != "plain" {
			if _, err := decryptKey(read(name), "wrong"); err == nil {
				t.Errorf("%s: any password will do", name)
			}
		}
	}
	if got, err := decryptKey(read("old"), "secret"); err != nil {
		t.Error(err)
	} else if block, _ := pem.Decode(got); block == nil {
		t.Error("the old form becomes no PEM")
	} else if _, err := x509.ParseECPrivateKey(block.Bytes); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"scrypt", "v1"} {
		if _, err := decryptKey(read(name), "secret"); err == nil || !strings.Contains(err.Error(), "not known") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := decryptKey([]byte("nothing"), "secret"); err == nil {
		t.Error("nothing is a key")
	}
}

// Whatever a key file holds is a key or an error.
func FuzzEncryptedKeys(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "keys", "*.pem"))
	if err != nil || len(files) == 0 {
		f.Fatal("no keys", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if block, _ := pem.Decode(text); block != nil {
			f.Add(block.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if bytes.Contains(der, []byte{0x02, 0x03}) || bytes.Contains(der, []byte{0x02, 0x04}) {
			return // it may be so many rounds that the fuzzer takes it for a hang
		}
		_, _ = decryptPKCS8(der, "secret")
	})
}

func TestTheServersKeyMayBeEncrypted(t *testing.T) {
	ts := startTLS(t, "--tls-auth-clients", "no")
	text, err := os.ReadFile(ts.key)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	//lint:ignore SA1019 the old form is the one that can be written
	locked, err := x509.EncryptPEMBlock(nullReader{}, block.Type, block.Bytes, []byte("secret"), x509.PEMCipherAES256)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ts.key, pem.EncodeToMemory(locked), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ts.cfg.Set([]config.Pair{{Name: "tls-key-file-pass", Value: "wrong"}}, true); err == nil {
		t.Error("the wrong password is taken")
	}
	if err := ts.cfg.Set([]config.Pair{{Name: "tls-key-file-pass", Value: "secret"}}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := ts.ping(&tls.Config{}); err != nil {
		t.Error(err)
	}
}

// nullReader is as random as a test wants it.
type nullReader struct{}

func (nullReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }
