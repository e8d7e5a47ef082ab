//! Who asks, as the transport knows it: a name that sshd's forced command was given and the key that it took, or the user that a
//! process runs as. What a request says of itself counts for nothing.

use crate::base::digest::Digest;
use data_encoding::{BASE64, BASE64_NOPAD};
use serde::Serialize;
use std::os::fd::AsFd;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caller {
    /// The name that a forced command says.
    #[serde(rename = "user", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The fingerprint of the key that sshd took, such as `SHA256:...`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The user of the process that asks; none where it is sshd's forced command, whose user is the same for all.
    #[serde(rename = "caller_uid", skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// From where, where that is known.
    #[serde(rename = "from", skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Caller {
    /// Whether a word of a policy means them: a name, `uid:1000`, a fingerprint, or `*` for all who come that far.
    pub fn is(&self, word: &str) -> bool {
        word == "*"
            || self.name.as_deref() == Some(word)
            || self.key.as_deref() == Some(word)
            || self.uid.is_some_and(|uid| word == format!("uid:{uid}"))
    }
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.name, self.uid, &self.key) {
            (Some(name), ..) => f.write_str(name),
            (None, Some(uid), _) => write!(f, "uid:{uid}"),
            (None, None, Some(key)) => f.write_str(key),
            (None, None, None) => f.write_str("nobody"),
        }
    }
}

/// The fingerprint of the first public key in what sshd says of how somebody came in (`ExposeAuthInfo` of sshd_config(5)): a line
/// `publickey TYPE BASE64`. As `ssh-keygen -l` writes it.
pub fn fingerprint(told: &str) -> Option<String> {
    let line = told.lines().find(|line| line.starts_with("publickey "))?;
    let blob = BASE64.decode(line.split(' ').nth(2)?.as_bytes()).ok()?;
    Some(format!("SHA256:{}", BASE64_NOPAD.encode(&Digest::of(&blob).bytes())))
}

/// The user at the other end of a socket (SO_PEERCRED of unix(7)); none where it is no socket of that kind.
pub fn uid_of_peer(socket: impl AsFd) -> Option<u32> {
    Some(rustix::net::sockopt::socket_peercred(socket).ok()?.uid.as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_as_ssh_keygen_names_it() {
        let told = "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n";
        assert_eq!(fingerprint(told).as_deref(), Some("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"));
        assert_eq!(fingerprint("password\n"), None);
        assert_eq!(fingerprint("publickey ssh-ed25519 ?\n"), None);
    }

    #[test]
    fn only_what_the_transport_knows_counts() {
        let caller = Caller { name: Some("alice".to_owned()), key: None, uid: None, address: None };
        assert!(caller.is("alice") && caller.is("*"));
        assert!(!caller.is("bob") && !caller.is("uid:0") && !caller.is(""));
        let local = Caller { name: None, key: None, uid: Some(1000), address: None };
        assert!(local.is("uid:1000") && !local.is("uid:100") && !local.is("1000"));
    }
}
