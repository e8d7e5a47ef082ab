//! Ed25519 keys: made from a random seed, used to sign, told apart by their id.
//!
//! Seeds come from the system by way of `ring`, which asks getrandom(2) and, on kernels that have none, /dev/urandom; the
//! library that verifies (`aws-lc`) would abort there. Signing draws nothing at random (RFC 8032). A secret is never printed.

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::collections::HashMap;
use std::fmt;
use tough::schema::decoded::{Decoded, Hex};
use tough::schema::key::{Ed25519Key, Ed25519Scheme, Key};
use zeroize::Zeroizing;

/// A key that signs.
pub struct SecretKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// The half of a key that everybody may know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The system gave no random bytes.
    NoRandomness,
    /// It is no seed of an Ed25519 key.
    NoSeed,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRandomness => write!(f, "the system gives no random bytes: neither getrandom(2) nor /dev/urandom"),
            Self::NoSeed => write!(f, "the bytes are no seed of an Ed25519 key"),
        }
    }
}

impl std::error::Error for KeyError {}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeyError> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new().fill(bytes.as_mut()).map_err(|_| KeyError::NoRandomness)?;
    Ok(bytes)
}

impl SecretKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, KeyError> {
        Self::from_seed(&*random::<32>()?)
    }

    /// The key of a seed (RFC 8032, 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::NoSeed)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::NoSeed)?;
        Ok(Self { seed: Zeroizing::new(*seed), pair, public: PublicKey(public) })
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    pub(super) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}, ...)", self.public)
    }
}

impl PublicKey {
    /// What metadata calls the key: the sha256 of its canonical form, 64 hexadecimal digits (specification, 4.2).
    pub fn id(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.key_id().into_vec())
    }

    /// Takes the 32 bytes of a key, from whoever holds the other half. Bytes that are no key verify nothing.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the key.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    pub(super) fn key_id(self) -> Decoded<Hex> {
        // Fails for keys that JSON cannot hold only, which this kind can; no key has the empty id.
        self.entry().key_id().unwrap_or_else(|_| Vec::new().into())
    }

    pub(super) fn entry(self) -> Key {
        let keyval = Ed25519Key { public: self.0.to_vec().into(), _extra: HashMap::new() };
        Key::Ed25519 { keyval, scheme: Ed25519Scheme::Ed25519, _extra: HashMap::new() }
    }

    /// None for keys of another kind, or with more to them than this module writes: their id would be another one.
    pub(super) fn from_entry(key: &Key) -> Option<Self> {
        let Key::Ed25519 { keyval, .. } = key else { return None };
        let public = Self(keyval.public.as_ref().try_into().ok()?);
        (public.entry() == *key).then_some(public)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_key_of_the_standard_and_no_debug_output_shows_it() {
        // RFC 8032, 7.1, test 1.
        let seed = data_encoding::HEXLOWER.decode(b"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let key = SecretKey::from_seed(&seed.unwrap().try_into().unwrap()).unwrap();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&key.public().0),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert!(
            data_encoding::HEXLOWER
                .encode(&key.sign(b""))
                .starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974")
        );
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("SecretKey({}, ...)", key.public().id()));
        assert_eq!(PublicKey::from_entry(&key.public().entry()), Some(key.public()));
        assert_eq!(PublicKey::from_bytes(key.public().bytes()), key.public());
    }

    #[test]
    fn two_keys_are_never_the_same() {
        assert_ne!(SecretKey::generate().unwrap().public(), SecretKey::generate().unwrap().public());
    }
}
