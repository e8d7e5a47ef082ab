//! Private keys in files: PKCS#8 in PEM (RFC 5958, RFC 7468), with a passphrase or without, as `openssl pkey` reads and writes them.
//!
//! A passphrase is stretched by scrypt and encrypts with AES-256-CBC (PBES2, RFC 8018). Files are mode 0600 and never written
//! over another one. Takes files by other programs as long as they hold an Ed25519 key; refuses, by name, what is no key, a key
//! of another kind, a wrong passphrase, and files whose passphrase would take unreasonable memory or time to try.

use super::key::{KeyError, SecretKey, random};
use crate::base::path::printable;
use crate::base::write::{self, WriteError};
use pkcs8::der::Decode;
use pkcs8::pkcs5::{self, pbes2, scrypt};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What opens a key file; never printed.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes the bytes as they were typed, without a line end; `None` for none at all.
    pub fn new(typed: Vec<u8>) -> Option<Self> {
        let typed = Zeroizing::new(typed);
        (!typed.is_empty()).then(|| Self(typed))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passphrase(...)")
    }
}

/// A key file that could not be written or read.
#[derive(Debug)]
pub struct KeyFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: KeyFileProblem,
}

/// What is wrong with a key file.
#[derive(Debug)]
pub enum KeyFileProblem {
    /// It could not be read.
    Read(io::Error),
    /// It could not be written.
    Write(WriteError),
    /// It could not be made.
    Make(KeyError),
    /// It holds something else; what, where that is known.
    NoKey(Option<String>),
    /// It is meant to be a key, and is not whole.
    Damaged(String),
    /// It holds a key of another kind; the object identifier of that.
    OtherKind(String),
    /// It is encrypted in a way that is not known here.
    OtherCipher(String),
    /// To try a passphrase takes more memory or time than is reasonable.
    Costly,
    /// It has a passphrase, and none was given.
    Locked,
    /// The passphrase does not open it.
    WrongPassphrase,
}

/// The algorithm of Ed25519 keys (RFC 8410, 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// What a key has before its seed: version 1, the algorithm, and the seed as octets in octets (RFC 8410, 7).
const BEFORE_SEED: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// scrypt's costs (RFC 7914): 16 MiB, the most that openssl tries by itself is 32, and five times over.
const SCRYPT: (u8, u32, u32) = (14, 8, 5);
/// No key file is longer.
const LONGEST: u64 = 1 << 16;
/// The most bytes that a passphrase may be stretched over.
const MOST_STRETCH: u64 = 1 << 30;
/// The most rounds of PBKDF2.
const MOST_ROUNDS: u32 = 10_000_000;

/// Writes a key to a new file that only its owner may read.
pub fn write_key(path: &Path, key: &SecretKey, passphrase: Option<&Passphrase>) -> Result<(), KeyFileError> {
    let pem = pem(key, passphrase).map_err(|problem| KeyFileError { path: path.to_owned(), problem })?;
    let written = write::secret(path, pem.as_bytes());
    written.map_err(|error| KeyFileError { path: path.to_owned(), problem: KeyFileProblem::Write(error) })
}

/// Reads a key. A passphrase that the file does not need is ignored.
pub fn read_key(path: &Path, passphrase: Option<&Passphrase>) -> Result<SecretKey, KeyFileError> {
    let key = read(path).and_then(|pem| key_of(&pem, passphrase));
    key.map_err(|problem| KeyFileError { path: path.to_owned(), problem })
}

impl KeyFileError {
    /// Whether a passphrase, or another one, is all that it takes.
    pub fn wants_passphrase(&self) -> bool {
        matches!(self.problem, KeyFileProblem::Locked | KeyFileProblem::WrongPassphrase)
    }
}

fn pem(key: &SecretKey, passphrase: Option<&Passphrase>) -> Result<Zeroizing<String>, KeyFileProblem> {
    let der = Zeroizing::new([&BEFORE_SEED[..], key.seed()].concat());
    let damaged = |error: &dyn fmt::Display| KeyFileProblem::Damaged(error.to_string());
    let (label, document) = match passphrase {
        None => ("PRIVATE KEY", SecretDocument::try_from(der.as_slice()).map_err(|error| damaged(&error))?),
        Some(passphrase) => {
            let (salt, iv) = (random::<16>(), random::<16>());
            let (salt, iv) = (salt.map_err(KeyFileProblem::Make)?, iv.map_err(KeyFileProblem::Make)?);
            let costs = scrypt::Params::new(SCRYPT.0, SCRYPT.1, SCRYPT.2).map_err(|error| damaged(&error))?;
            let scheme = pbes2::Parameters::generate_scrypt_aes256cbc(costs, &*salt, *iv);
            let scheme = scheme.map_err(|error| damaged(&error))?;
            let plain = PrivateKeyInfoRef::from_der(&der).map_err(|error| damaged(&error))?;
            let locked = plain.encrypt_with_params(scheme, &passphrase.0).map_err(|error| damaged(&error))?;
            ("ENCRYPTED PRIVATE KEY", locked)
        }
    };
    document.to_pem(label, LineEnding::LF).map_err(|error| damaged(&error))
}

fn read(path: &Path) -> Result<Zeroizing<String>, KeyFileProblem> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    read.map_err(KeyFileProblem::Read)?;
    let text = std::str::from_utf8(&bytes).ok().filter(|_| bytes.len() as u64 <= LONGEST);
    let text = text.filter(|text| text.contains("-----BEGIN "));
    Ok(Zeroizing::new(text.ok_or(KeyFileProblem::NoKey(None))?.to_owned()))
}

fn key_of(pem: &str, passphrase: Option<&Passphrase>) -> Result<SecretKey, KeyFileProblem> {
    let (label, document) =
        SecretDocument::from_pem(pem).map_err(|error| KeyFileProblem::Damaged(error.to_string()))?;
    match label {
        "PRIVATE KEY" => seed_of(document.as_bytes()),
        "ENCRYPTED PRIVATE KEY" => {
            let open = unlocked(document.as_bytes(), passphrase)?;
            // One wrong passphrase in 256 leaves bytes that look decrypted and are no key.
            seed_of(open.as_bytes()).map_err(|problem| match problem {
                KeyFileProblem::Damaged(_) => KeyFileProblem::WrongPassphrase,
                other => other,
            })
        }
        "PUBLIC KEY" => Err(KeyFileProblem::NoKey(Some("a public key".to_owned()))),
        "CERTIFICATE" => Err(KeyFileProblem::NoKey(Some("a certificate".to_owned()))),
        other => Err(KeyFileProblem::NoKey(Some(printable(other.as_bytes()).into_owned()))),
    }
}

fn unlocked(der: &[u8], passphrase: Option<&Passphrase>) -> Result<SecretDocument, KeyFileProblem> {
    let locked =
        EncryptedPrivateKeyInfoRef::from_der(der).map_err(|error| KeyFileProblem::Damaged(error.to_string()))?;
    if is_costly(&locked.encryption_algorithm) {
        return Err(KeyFileProblem::Costly);
    }
    let passphrase = passphrase.ok_or(KeyFileProblem::Locked)?;
    locked.decrypt(&passphrase.0).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::UnsupportedAlgorithm { .. } | pkcs5::Error::NoPbes1CryptSupport,
        ) => KeyFileProblem::OtherCipher(locked.encryption_algorithm.oid().to_string()),
        _ => KeyFileProblem::WrongPassphrase,
    })
}

fn is_costly(scheme: &pkcs5::EncryptionScheme) -> bool {
    let Some(kdf) = scheme.pbes2().map(|scheme| &scheme.kdf) else { return false };
    let stretch = kdf.scrypt().map_or(0, |costs| {
        let blocks = u64::from(costs.block_size).saturating_mul(u64::from(costs.parallelization)).saturating_mul(128);
        blocks.saturating_mul(costs.cost_parameter)
    });
    let rounds = kdf.pbkdf2().map_or(0, |costs| costs.iteration_count);
    stretch > MOST_STRETCH || rounds > MOST_ROUNDS
}

fn seed_of(der: &[u8]) -> Result<SecretKey, KeyFileProblem> {
    let damaged = |why: String| KeyFileProblem::Damaged(why);
    let key = PrivateKeyInfoRef::from_der(der).map_err(|error| damaged(error.to_string()))?;
    if key.algorithm.oid != ED25519 {
        return Err(KeyFileProblem::OtherKind(key.algorithm.oid.to_string()));
    }
    let seed = key.private_key.as_bytes().strip_prefix(&[4, 32]).and_then(|seed| seed.try_into().ok());
    let seed: &[u8; 32] = seed.ok_or_else(|| damaged("the seed is not of 32 bytes".to_owned()))?;
    let made = SecretKey::from_seed(seed).map_err(KeyFileProblem::Make)?;
    // Version 2 files have the public half beside the seed (RFC 5958, 2).
    let said = key.public_key.map(|bits| bits.raw_bytes().to_vec());
    if said.is_some_and(|said| said != made.public().bytes()) {
        return Err(damaged("its public half belongs to another key".to_owned()));
    }
    Ok(made)
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = printable(self.path.as_os_str().as_bytes());
        match &self.problem {
            KeyFileProblem::Read(error) => write!(f, "cannot read the key '{file}': {error}"),
            KeyFileProblem::Write(error) => write!(f, "{error}"),
            KeyFileProblem::Make(error) => write!(f, "cannot make the key '{file}': {error}"),
            KeyFileProblem::NoKey(None) => write!(f, "'{file}' is no private key; it must be PKCS#8 in PEM"),
            KeyFileProblem::NoKey(Some(found)) => write!(f, "'{file}' is no private key but {found}"),
            KeyFileProblem::Damaged(why) => write!(f, "the key '{file}' is damaged: {why}"),
            KeyFileProblem::OtherKind(oid) => {
                write!(f, "the key '{file}' is of another kind ({}) than Ed25519", kind(oid))
            }
            KeyFileProblem::OtherCipher(oid) => write!(
                f,
                "the key '{file}' is encrypted in a way that is not known here ({oid}); openssl pkcs8 -topk8 -scrypt \
                 writes it anew"
            ),
            KeyFileProblem::Costly => {
                write!(f, "to try a passphrase on the key '{file}' would take unreasonable memory or time")
            }
            KeyFileProblem::Locked => write!(f, "the key '{file}' has a passphrase, and none was given"),
            KeyFileProblem::WrongPassphrase => {
                write!(f, "the passphrase does not open the key '{file}', or the file is damaged")
            }
        }
    }
}

impl std::error::Error for KeyFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            KeyFileProblem::Read(error) => Some(error),
            KeyFileProblem::Write(error) => Some(error),
            KeyFileProblem::Make(error) => Some(error),
            _ => None,
        }
    }
}

/// What people call a kind of key.
fn kind(oid: &str) -> &str {
    match oid {
        "1.2.840.113549.1.1.1" => "RSA",
        "1.2.840.10045.2.1" => "ECDSA",
        "1.3.101.110" => "X25519",
        "1.3.101.113" => "Ed448",
        other => other,
    }
}
