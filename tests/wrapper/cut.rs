//! A download that breaks off, after every byte there is: what came is never run, and the next run has all.

use crate::lab::{Getter, Lab, Ran, SHELLS, only, tool};
use crate::server::{Reply, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server that breaks off after so many bytes, which may be changed; with or without a word of how many there are.
fn cutting(bytes: Vec<u8>, says_length: bool) -> (Server, Arc<AtomicUsize>) {
    let at = Arc::new(AtomicUsize::new(0));
    let now = at.clone();
    let server = Server::start(move |_| {
        let at = now.load(Ordering::SeqCst);
        // A body without a word of its length ends with the connection.
        if says_length { Reply::new(200, &bytes).cut(at) } else { Reply::new(200, &bytes[..at]) }
    });
    (server, at)
}

fn never_runs(lab: &Lab, ended: &Ran, at: usize) {
    assert!(matches!(ended.code, Some(1 | 4)) && ended.out.is_empty(), "{at}: {ended:?}");
    assert!(lab.kept().is_empty(), "{at}: {:?}", lab.kept());
}

#[test]
fn a_download_that_is_cut_at_any_byte_never_runs() {
    let one = tool("1.0");
    assert!(one.len() > 200);
    std::thread::scope(|scope| {
        for (says_length, getter) in [(true, Getter::Curl), (false, Getter::BusyboxWget)] {
            let one = &one;
            scope.spawn(move || {
                let lab = Lab::new();
                let (server, cut) = cutting(one.clone(), says_length);
                lab.pin(one, &[&server.url("tool")]);
                for at in 0..one.len() {
                    cut.store(at, Ordering::SeqCst);
                    never_runs(&lab, &lab.run(SHELLS[at % 3], getter, &[]), at);
                }
                cut.store(one.len(), Ordering::SeqCst);
                assert!(lab.run(SHELLS[0], getter, &[]).is_tool("1.0") && only(&lab, &lab.copy(one)));
            });
        }
        scope.spawn(|| {
            // This one tries again by itself, and rests before it does.
            let lab = Lab::new();
            let (server, cut) = cutting(one.clone(), true);
            lab.pin(&one, &[&server.url("tool")]);
            for at in [0, 1, one.len() / 2, one.len() - 1] {
                cut.store(at, Ordering::SeqCst);
                never_runs(&lab, &lab.run(SHELLS[at % 3], Getter::Wget, &[]), at);
            }
        });
    });
}

#[test]
fn a_larger_one_that_is_cut_at_its_ends_at_blocks_and_at_random_never_runs() {
    let one =
        [tool("1.0"), b"exit\n".to_vec(), "# more of it, which is never read\n".repeat(1000).into_bytes()].concat();
    let (length, mut random) = (one.len(), 1_u64);
    let mut points: Vec<usize> = (0..16).chain(length - 16..length).chain((4096..length).step_by(4096)).collect();
    points.extend((0..200).map(|_| {
        // Marsaglia's xorshift: the same points in every run.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % length as u64).unwrap()
    }));
    let half = points.len() / 2;
    std::thread::scope(|scope| {
        for (points, getter) in [(&points[..half], Getter::Curl), (&points[half..], Getter::BusyboxWget)] {
            let one = &one;
            scope.spawn(move || {
                let lab = Lab::new();
                let (server, cut) = cutting(one.clone(), getter == Getter::Curl);
                lab.pin(one, &[&server.url("tool")]);
                for at in points {
                    cut.store(*at, Ordering::SeqCst);
                    never_runs(&lab, &lab.run(SHELLS[at % 3], getter, &[]), *at);
                }
                cut.store(one.len(), Ordering::SeqCst);
                assert!(lab.run(SHELLS[1], getter, &[]).is_tool("1.0"));
            });
        }
    });
}
