//! Releases that come as what is different: from the installed one, and as a whole where that is not what it was.

use crate::pack::{pack, runs};
use crate::place::chmod;
use crate::repository::Repository;
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Release 1 runs, and 2 is there with what leads to it.
fn ready() -> Repository {
    let mut repository = Repository::with(&[1]);
    repository.first().expect(0, &["updated"], &[]);
    repository.add(2);
    repository.add_delta(1, 2);
    repository.sign();
    repository
}

#[test]
fn what_is_different_is_fetched_and_what_is_the_same_is_shared() {
    let mut repository = ready();
    let app = repository.releases();
    let delta = fs::metadata(repository.target("app-2.from-1.delta")).unwrap().len();
    assert!(delta * 10 < pack(2).full.len() as u64, "{delta}");
    repository.relocate(["update", "app", "--check"]).expect(100, &["as a change from release 1"], &[]);
    let ran = repository.relocate(["update", "app", "--json"]).run().json();
    assert_eq!(
        (&ran["release"]["way"], &ran["release"]["base"], &ran["release"]["fetched"]),
        (&json!("delta"), &json!(1), &json!(delta))
    );
    assert_eq!(runs(&app), 2);
    repository.relocate(["verify", "app", "--all"]).expect(0, &["r/1: every byte", "r/2: every byte"], &[]);
    let inode = |path: &str| fs::metadata(app.join(path)).unwrap().ino();
    assert_eq!(inode("r/1/share/same"), inode("r/2/share/same"));
    assert_ne!(inode("r/1/share/data"), inode("r/2/share/data"));
    // One after the other, and the shared files outlive the releases they came with.
    for serial in 3..=5 {
        repository.add(serial);
        repository.add_delta(serial - 1, serial);
        repository.sign();
        repository.relocate(["update", "app", "--keep", "1"]).expect(0, &["as a change from release"], &[]);
    }
    assert_eq!(runs(&app), 5);
    repository.relocate(["verify", "app", "--all"]).expect(0, &["r/5: every byte"], &[]);
}

#[test]
fn a_base_that_was_edited_is_told_by_its_file_and_the_whole_comes() {
    let repository = ready();
    let app = repository.releases();
    let data = app.join("r/1/share/data");
    chmod(&data, 0o644);
    let mut bytes = fs::read(&data).unwrap();
    bytes[5] ^= 1;
    fs::write(&data, bytes).unwrap();
    repository.update().expect(
        0,
        &["updated: app 1.2 (release 2)", "as a whole"],
        &["warning: release 2 cannot be made from release 1, and comes in another way", "'share/data'"],
    );
    assert_eq!(runs(&app), 2);
    repository.relocate(["verify", "app"]).expect(0, &["r/2: every byte"], &[]);
}

#[test]
fn a_delta_that_is_lost_or_wrong_on_the_server_or_was_signed_wrong_makes_the_whole_come() {
    let repository = ready();
    fs::remove_file(repository.target("app-2.from-1.delta")).unwrap();
    repository.update().expect(0, &["as a whole"], &["the repository does not have it"]);
    assert_eq!(runs(&repository.releases()), 2);
    let repository = ready();
    let place = repository.target("app-2.from-1.delta");
    let bytes = fs::read(&place).unwrap();
    let mut wrong = bytes.clone();
    wrong[bytes.len() / 2] ^= 1;
    fs::write(&place, &wrong).unwrap();
    repository.update().expect(0, &["as a whole"], &["app-2.from-1.delta is not what was signed"]);
    assert_eq!(runs(&repository.releases()), 2);
    for bytes in [&wrong[..], b"RELDELT1", &bytes[..bytes.len() - 3]] {
        let mut repository = ready();
        let custom = json!({
            "app": "app", "serial": 2, "version": "1.2", "channels": ["stable"], "platform": "x86_64-linux",
            "kind": "delta", "base_serial": 1,
        });
        repository.put("app-2.from-1.delta", bytes, &custom);
        repository.sign();
        repository.update().expect(0, &["as a whole"], &["release 2 cannot be made from release 1"]);
        assert_eq!(runs(&repository.releases()), 2);
    }
}
