package server

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"os"
)

// A private key may be encrypted with a password, in the form that OpenSSL writes
// (PKCS #8 with PBES2: PBKDF2 and AES or triple DES in CBC mode; RFC 8018) or in
// the older one of PEM headers.

// loadKeyPair reads a certificate chain and its key.
func loadKeyPair(certFile, keyFile, password string) (tls.Certificate, error) {
	if password == "" {
		return tls.LoadX509KeyPair(certFile, keyFile)
	}
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	if key, err = decryptKey(key, password); err != nil {
		return tls.Certificate{}, fmt.Errorf("decrypt %s: %w", keyFile, err)
	}
	return tls.X509KeyPair(cert, key)
}

// decryptKey returns the key in a file as PEM without encryption; one that is not
// encrypted stays as it is.
func decryptKey(text []byte, password string) ([]byte, error) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("no private key in the file")
		}
		//lint:ignore SA1019 the old form is what it is; it only has to be read
		old := x509.IsEncryptedPEMBlock(block)
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY":
			der, err := decryptPKCS8(block.Bytes, password)
			return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
		case old:
			//lint:ignore SA1019 as above
			der, err := x509.DecryptPEMBlock(block, []byte(password))
			return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), err
		case block.Type == "PRIVATE KEY" || block.Type == "RSA PRIVATE KEY" || block.Type == "EC PRIVATE KEY":
			return text, nil
		}
	}
}

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	errForm   = errors.New("the encryption of the key is not known")
)

// keyHashes are the hashes of PBKDF2, by the identifier of their HMAC.
var keyHashes = map[string]func() hash.Hash{
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// keyCiphers are the ciphers, in CBC mode, and the lengths of their keys.
var keyCiphers = map[string]struct {
	bytes int
	open  func([]byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

// maxKeyRounds bounds what a key file may have the server compute.
const maxKeyRounds = 10_000_000

func decryptPKCS8(der []byte, password string) ([]byte, error) {
	var outer struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	var scheme struct{ Derivation, Cipher pkix.AlgorithmIdentifier }
	var derive struct {
		Salt   []byte
		Rounds int
		Length int                      `asn1:"optional"`
		PRF    pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	var iv []byte
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, err
	}
	if !outer.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, errForm
	}
	if _, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, err
	}
	if !scheme.Derivation.Algorithm.Equal(oidPBKDF2) {
		return nil, errForm
	}
	if _, err := asn1.Unmarshal(scheme.Derivation.Parameters.FullBytes, &derive); err != nil {
		return nil, err
	}
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	sum := sha1.New // what is meant when it says nothing
	if len(derive.PRF.Algorithm) > 0 {
		sum = keyHashes[derive.PRF.Algorithm.String()]
	}
	with, ok := keyCiphers[scheme.Cipher.Algorithm.String()]
	if !ok || sum == nil || derive.Rounds < 1 || derive.Rounds > maxKeyRounds {
		return nil, errForm
	}
	key, err := pbkdf2.Key(sum, password, derive.Salt, derive.Rounds, with.bytes)
	if err != nil {
		return nil, err
	}
	block, err := with.open(key)
	if err != nil {
		return nil, err
	}
	n, size := len(outer.Data), block.BlockSize()
	if n == 0 || n%size != 0 || len(iv) != size {
		return nil, errForm
	}
	plain := make([]byte, n)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, outer.Data)
	// A wrong password shows in the padding, or in what is no key.
	pad := int(plain[n-1])
	if pad == 0 || pad > size {
		return nil, x509.IncorrectPasswordError
	}
	for _, b := range plain[n-pad:] {
		if int(b) != pad {
			return nil, x509.IncorrectPasswordError
		}
	}
	if _, err := x509.ParsePKCS8PrivateKey(plain[:n-pad]); err != nil {
		return nil, x509.IncorrectPasswordError
	}
	return plain[:n-pad], nil
}
