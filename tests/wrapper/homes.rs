//! Where the copy is kept, and what happens where it cannot be.

use crate::lab::{Getter, Lab, SHELLS, Shell, ran, tool};
use crate::place::{USER, is_root};
use relocate::base::digest::Digest;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;

fn pinned() -> (Lab, Vec<u8>) {
    let (lab, one) = (Lab::new(), tool("1.0"));
    lab.pin(&one, &[&lab.file("tool", &one)]);
    (lab, one)
}

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[test]
fn the_copy_is_where_the_environment_says() {
    let (lab, one) = pinned();
    let at = |name: &str| lab.place.at(name).into_os_string();
    let (own, data, home) = (at("own"), at("data"), at("user"));
    let copy = |dir: &str| lab.place.at(dir).join("wrapper").join(Digest::of(&one).to_string()).join("relocate");
    for shell in SHELLS {
        for (own, data, wanted) in [
            (Some(&own), Some(&data), copy("own")),
            (None, Some(&data), copy("data/relocate")),
            (None, None, copy("user/.local/share/relocate")),
        ] {
            let mut command = lab.command(shell, Getter::Nothing);
            command.env_remove("RELOCATE_HOME").env("HOME", &home);
            own.map(|own| command.env("RELOCATE_HOME", own));
            data.map(|data| command.env("XDG_DATA_HOME", data));
            assert!(ran(&mut command).is_tool("1.0"));
            assert_eq!(fs::metadata(&wanted).unwrap().mode() & 0o777, 0o755);
            // A variable that says nothing is none.
            if own.is_none() {
                assert!(ran(command.env("RELOCATE_HOME", "")).expect(0, &[]).is_tool("1.0"));
            }
            fs::remove_dir_all(wanted.parent().unwrap().parent().unwrap()).unwrap();
        }
    }
}

/// A run that has no home it could write in.
fn homeless(lab: &Lab, shell: Shell, temporary: &PathBuf) -> std::process::Command {
    let mut command = lab.command(shell, Getter::Nothing);
    command.env_remove("RELOCATE_HOME").env("TMPDIR", temporary);
    command
}

#[test]
fn without_a_home_a_directory_of_this_user_alone_is_used() {
    for shell in SHELLS {
        for home in [None, Some("/proc"), Some("/dev/null")] {
            let (lab, _) = pinned();
            let temporary = lab.place.at("tm p");
            fs::create_dir(&temporary).unwrap();
            let spare = temporary.join(format!("relocate-{}", uid()));
            let mut command = homeless(&lab, shell, &temporary);
            home.map(|home| command.env("HOME", home));
            assert!(ran(&mut command).is_tool("1.0"), "{shell:?} {home:?}");
            assert_eq!(fs::metadata(&spare).unwrap().mode() & 0o777, 0o700);
            assert!(ran(&mut command).expect(0, &[]).is_tool("1.0"));
            // What somebody opened to others meanwhile is not used, though all in it is right.
            fs::set_permissions(&spare, Permissions::from_mode(0o770)).unwrap();
            ran(&mut command).expect(4, &["cannot write in ", "help: set RELOCATE_HOME"]);
        }
    }
}

#[test]
fn a_directory_that_somebody_else_put_there_is_not_used() {
    let (lab, one) = pinned();
    let temporary = lab.place.at("tmp");
    let mine = lab.place.at("mine");
    fs::create_dir(&temporary).unwrap();
    fs::create_dir(&mine).unwrap();
    fs::set_permissions(&mine, Permissions::from_mode(0o700)).unwrap();
    let spare = temporary.join(format!("relocate-{}", uid()));
    let refused = |shell| {
        let ended = ran(&mut homeless(&lab, shell, &temporary)).expect(4, &["cannot write in "]);
        assert!(ended.out.is_empty());
    };
    for shell in SHELLS {
        symlink(&mine, &spare).unwrap();
        refused(shell);
        fs::remove_file(&spare).unwrap();
        fs::write(&spare, "a file").unwrap();
        refused(shell);
        fs::remove_file(&spare).unwrap();
        if is_root() {
            let planted = spare.join("wrapper").join(Digest::of(&one).to_string());
            fs::create_dir_all(&planted).unwrap();
            fs::write(planted.join("relocate"), &one).unwrap();
            fs::set_permissions(&spare, Permissions::from_mode(0o700)).unwrap();
            chown(&spare, Some(USER), None).unwrap();
            refused(shell);
            fs::remove_dir_all(&spare).unwrap();
        }
    }
    assert_eq!(fs::read_dir(&mine).unwrap().count(), 0);
}

#[test]
fn a_home_that_is_read_only_serves_what_is_in_it() {
    let (lab, one) = pinned();
    assert!(lab.run(Shell::Dash, Getter::Nothing, &[]).is_tool("1.0"));
    let dir = lab.copy(&one);
    let dir = dir.parent().unwrap();
    fs::set_permissions(dir, Permissions::from_mode(0o555)).unwrap();
    for shell in SHELLS {
        assert!(lab.run(shell, Getter::Nothing, &[]).expect(0, &[]).is_tool("1.0"));
    }
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
    // One that was put there by hand and may not be executed is told as such.
    fs::set_permissions(lab.copy(&one), Permissions::from_mode(0o644)).unwrap();
    for shell in SHELLS {
        lab.run(shell, Getter::Nothing, &[]).expect(4, &["may not be executed", "help: set RELOCATE_HOME"]);
    }
}
