//! Runs that are killed while they fetch, and many at once.

use crate::lab::{GETTERS, Getter, Lab, SHELLS, only, tool};
use crate::server::{Reply, Server};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A server that gives half of a file and then says nothing; tells of each connection that has its half.
fn halting(bytes: Vec<u8>) -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/tool", listener.local_addr().unwrap().port());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            write!(stream, "HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n", bytes.len()).unwrap();
            stream.write_all(&bytes[..bytes.len() / 2]).unwrap();
            open.push(stream);
            if tell.send(()).is_err() {
                return;
            }
        }
    });
    (url, told)
}

#[test]
fn a_run_that_is_killed_leaves_no_half_tool_and_the_next_one_clears_up() {
    let one = tool("1.0");
    let (url, told) = halting(one.clone());
    let bytes = one.clone();
    let honest = Server::start(move |_| Reply::new(200, &bytes));
    for (shell, getter) in SHELLS.into_iter().flat_map(|shell| GETTERS.map(|getter| (shell, getter))) {
        let lab = Lab::new();
        for signal in [9, 15, 2, 1] {
            if signal == 1 && getter == Getter::Wget {
                // It takes that for a wish to go on without a terminal.
                continue;
            }
            lab.pin(&one, &[&url]);
            let mut command = lab.command(shell, getter);
            // A group of its own, as a terminal or a job has.
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
            told.recv().unwrap();
            let pid = i32::try_from(child.id()).unwrap();
            let signal = rustix::process::Signal::from_named_raw(signal).unwrap();
            rustix::process::kill_process_group(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
            let status = child.wait().unwrap();
            assert!(status.signal().is_some() || status.code() != Some(0), "{status}");
            // The process that fetches may still be ending.
            let until = Instant::now() + Duration::from_secs(5);
            while lab.kept().len() > 1 && Instant::now() < until {
                thread::sleep(Duration::from_millis(10));
            }
            let kept = lab.kept();
            assert!(!lab.copy(&one).exists(), "{shell:?} {getter:?} {signal:?}");
            assert!(kept.len() <= 1, "{shell:?} {getter:?} {signal:?} {kept:?}");
        }
        lab.pin(&one, &[&honest.url("tool")]);
        assert!(lab.run(shell, getter, &[]).is_tool("1.0"));
        assert!(only(&lab, &lab.copy(&one)), "{:?}", lab.kept());
    }
}

#[test]
fn twenty_first_runs_at_once_all_end_well() {
    let one = [tool("1.0"), b"exit\n".to_vec(), vec![b'#'; 300_000]].concat();
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let (bytes, count) = (one.clone(), asked.clone());
    // The first are still waiting when the last have it.
    let server = Server::start(move |_| {
        let nth = count.fetch_add(1, Ordering::SeqCst) as u64;
        Reply::new(200, &bytes).pause(Duration::from_millis(500_u64.saturating_sub(nth * 25)))
    });
    let lab = Lab::new();
    lab.pin(&one, &[&server.url("tool")]);
    for getter in GETTERS {
        lab.path(getter, &["sha256sum"]);
    }
    thread::scope(|scope| {
        for at in 0..20 {
            let lab = &lab;
            scope.spawn(move || {
                let done = lab.run(SHELLS[at % 3], GETTERS[at % 3], &[]);
                assert!(done.is_tool("1.0") && done.warnings() == 0, "{done:?}");
            });
        }
    });
    assert!(only(&lab, &lab.copy(&one)), "{:?}", lab.kept());
    assert!(asked.load(Ordering::SeqCst) > 1);
}

#[test]
fn a_copy_that_was_damaged_is_fetched_anew_and_never_run() {
    let one = tool("1.0");
    for shell in SHELLS {
        let lab = Lab::new();
        lab.pin(&one, &[&lab.file("tool", &one)]);
        assert!(lab.run(shell, Getter::Nothing, &[]).is_tool("1.0"));
        let changed = String::from_utf8(one.clone()).unwrap().replace("tool 1.0", "evil 1.0").into_bytes();
        for bad in [&one[..100], b"", &changed] {
            fs::write(lab.copy(&one), bad).unwrap();
            let done = lab.run(shell, Getter::Nothing, &[]);
            assert!(done.is_tool("1.0") && done.err.contains("fetching"), "{done:?}");
            fs::write(lab.copy(&one), bad).unwrap();
            lab.pin(&one, &["file:///nowhere"]);
            let ended = lab.run(shell, Getter::Nothing, &[]).expect(4, &["warning: file:///nowhere: "]);
            assert!(ended.out.is_empty());
            lab.pin(&one, &[&lab.file("tool", &one)]);
        }
    }
}
