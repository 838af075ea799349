//! Private keys: making, reading, writing and using them; RSA, ECDSA on P-256 and Ed25519, as PEM.

use super::{der, primes};
use crate::helm::template::Random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::pkcs8::DecodePrivateKey as _;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs8::EncodePublicKey as _;
use rsa::rand_core::{CryptoRng, Error, RngCore};
use sha2::Digest as _;

/// The render's random stream, for the crates that make keys. It is as unpredictable as the seed.
pub(super) struct Dice<'a>(pub &'a mut Random);

impl RngCore for Dice<'_> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl CryptoRng for Dice<'_> {}

/// A private key.
pub(super) enum Key {
    Rsa(Box<rsa::RsaPrivateKey>),
    P256(Box<p256::SecretKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

const RSA: &[u32] = &[1, 2, 840, 113549, 1, 1, 11];
const ECDSA: &[u32] = &[1, 2, 840, 10045, 4, 3, 2];
const ED25519: &[u32] = &[1, 3, 101, 112];
const P256: &[u32] = &[1, 2, 840, 10045, 3, 1, 7];

impl Key {
    /// A new RSA key.
    pub(super) fn rsa(random: &mut Random, bits: usize) -> Result<Key, String> {
        let (p, q) = (primes::prime(random, bits / 2), primes::prime(random, bits / 2));
        let key = rsa::RsaPrivateKey::from_p_q(p, q, primes::EXPONENT.into()).map_err(|e| e.to_string())?;
        Ok(Key::Rsa(Box::new(key)))
    }

    /// A new key of a type by sprig's name for it.
    pub(super) fn generate(random: &mut Random, kind: &str) -> Result<Key, String> {
        match kind {
            "" | "rsa" => Key::rsa(random, 4096),
            "ecdsa" => Ok(Key::P256(Box::new(p256::SecretKey::random(&mut Dice(random))))),
            "ed25519" => {
                let mut seed = [0; 32];
                random.fill(&mut seed);
                Ok(Key::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
            }
            "dsa" => Err("failed to generate private key: DSA keys are not made here".to_string()),
            other => Err(format!("Unknown type {other}")),
        }
    }

    /// Reads a key in PEM, as sprig's `parsePrivateKeyPEM`.
    pub(super) fn from_pem(pem: &str) -> Result<Key, String> {
        let (label, bytes) = decode_pem(pem).ok_or("no PEM data in input")?;
        let rsa = |key| Key::Rsa(Box::new(key));
        let p256 = |key| Key::P256(Box::new(key));
        match label.as_str() {
            "RSA PRIVATE KEY" => rsa::RsaPrivateKey::from_pkcs1_der(&bytes)
                .map(rsa)
                .map_err(|e| format!("parsing RSA private key from PEM: {e}")),
            "EC PRIVATE KEY" => p256::SecretKey::from_sec1_der(&bytes)
                .map(p256)
                .map_err(|e| format!("parsing EC private key from PEM: {e}")),
            "PRIVATE KEY" => rsa::RsaPrivateKey::from_pkcs8_der(&bytes)
                .map(rsa)
                .or_else(|_| p256::SecretKey::from_pkcs8_der(&bytes).map(p256))
                .or_else(|_| ed25519_dalek::SigningKey::from_pkcs8_der(&bytes).map(|k| Key::Ed25519(Box::new(k))))
                .map_err(|e| format!("decoding PEM as PKCS#8: {e}")),
            other => match other.strip_suffix(" PRIVATE KEY") {
                Some(kind) => Err(format!("invalid private key type {kind}")),
                None => Err(format!("no private key data in PEM block of type {other}")),
            },
        }
    }

    /// Writes the key as Go does: PKCS#1 for RSA, SEC 1 for ECDSA, PKCS#8 for Ed25519.
    pub(super) fn to_pem(&self) -> Result<String, String> {
        Ok(match self {
            Key::Rsa(key) => {
                let der = key.to_pkcs1_der().map_err(|e| e.to_string())?;
                encode_pem("RSA PRIVATE KEY", der.as_bytes())
            }
            Key::P256(key) => encode_pem("EC PRIVATE KEY", &sec1(key)),
            Key::Ed25519(key) => {
                let seed = der::element(4, &der::element(4, key.as_bytes()));
                let der = der::sequence(&[&der::integer(&[0]), &der::sequence(&[&der::oid(ED25519)]), &seed]);
                encode_pem("PRIVATE KEY", &der)
            }
        })
    }

    /// The public key as DER of SubjectPublicKeyInfo.
    pub(super) fn public(&self) -> Result<Vec<u8>, String> {
        let der = match self {
            Key::Rsa(key) => key.to_public_key().to_public_key_der(),
            Key::P256(key) => key.public_key().to_public_key_der(),
            Key::Ed25519(key) => key.verifying_key().to_public_key_der(),
        };
        der.map(|d| d.as_bytes().to_vec()).map_err(|e| e.to_string())
    }

    /// The AlgorithmIdentifier of this key's signatures.
    pub(super) fn algorithm(&self) -> Vec<u8> {
        match self {
            Key::Rsa(_) => der::sequence(&[&der::oid(RSA), &der::element(5, &[])]),
            Key::P256(_) => der::sequence(&[&der::oid(ECDSA)]),
            Key::Ed25519(_) => der::sequence(&[&der::oid(ED25519)]),
        }
    }

    /// Signs a message, with SHA-256 where a hash is needed.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Key::Rsa(key) => {
                // DigestInfo of SHA-256 without the hash: RFC 8017, section 9.2.
                const PREFIX: &[u8] = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
                let scheme = rsa::Pkcs1v15Sign { hash_len: Some(32), prefix: PREFIX.into() };
                key.sign(scheme, &sha2::Sha256::digest(message)).map_err(|e| e.to_string())
            }
            Key::P256(key) => {
                use p256::ecdsa::signature::Signer as _;
                let signature: p256::ecdsa::Signature = p256::ecdsa::SigningKey::from(&**key).sign(message);
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Key::Ed25519(key) => {
                use ed25519_dalek::Signer as _;
                Ok(key.sign(message).to_vec())
            }
        }
    }
}

/// RFC 5915, with curve and public key as Go writes them.
fn sec1(key: &p256::SecretKey) -> Vec<u8> {
    use p256::elliptic_curve::sec1::ToEncodedPoint as _;
    let point = key.public_key().to_encoded_point(false);
    der::sequence(&[
        &der::integer(&[1]),
        &der::element(4, &key.to_bytes()),
        &der::element(0xa0, &der::oid(P256)),
        &der::element(0xa1, &der::bits(point.as_bytes())),
    ])
}

/// A PEM block, with lines of 64 characters.
pub(super) fn encode_pem(label: &str, bytes: &[u8]) -> String {
    let body = STANDARD.encode(bytes);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The first PEM block: its label and contents.
pub(super) fn decode_pem(text: &str) -> Option<(String, Vec<u8>)> {
    let start = text.find("-----BEGIN ")? + 11;
    let (label, rest) = text[start..].split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let packed: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    Some((label.to_string(), STANDARD.decode(packed).ok()?))
}
