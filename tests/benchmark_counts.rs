//! What the benchmark of updates counts with: bytes through its proxy, and what trees take on the disk.

#[path = "../benches/delivery/disk.rs"]
mod disk;
#[path = "../benches/delivery/meter.rs"]
mod meter;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

#[test]
fn bytes_of_both_directions_are_passed_on_and_counted_once() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            stream.read_to_end(&mut asked).unwrap();
            stream.write_all(&asked.repeat(1000)).unwrap();
        }
    });
    let meter = meter::Meter::before(port).unwrap();
    for _ in 0..2 {
        let mut client = TcpStream::connect(("127.0.0.1", meter.port)).unwrap();
        client.write_all(&[7; 300]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert!(answer.len() == 300_000 && answer.iter().all(|byte| *byte == 7), "{}", answer.len());
    }
    let seen = meter.take();
    assert_eq!((seen.up, seen.down, seen.connections), (600, 600_000, 2));
    let after = meter.take();
    assert_eq!((after.up, after.down, after.connections), (0, 0, 0));
    server.join().unwrap();
}

#[test]
fn a_file_with_names_in_two_trees_takes_its_blocks_once() {
    let place = tempfile::tempdir().unwrap();
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    for tree in [&one, &two] {
        fs::create_dir(tree).unwrap();
    }
    fs::write(one.join("file"), vec![1; 100_000]).unwrap();
    let before = disk::used(&[&one, &two]).unwrap();
    fs::hard_link(one.join("file"), two.join("file")).unwrap();
    assert_eq!(disk::used(&[&one, &two]).unwrap(), before);
    fs::copy(one.join("file"), two.join("copy")).unwrap();
    let (bytes, inodes) = disk::used(&[&one, &two]).unwrap();
    assert!(bytes - before.0 >= 98_304 && inodes == before.1 + 1, "{bytes}");
    assert_eq!(disk::used(&[place.path().join("nothing")]).unwrap(), (0, 0));
}
