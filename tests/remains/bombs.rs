//! Archives that are made to hurt.

use crate::fixtures::{OLD, look_as, run};
use flate2::Compression;
use flate2::write::GzEncoder;
use relocate::remains::look::Why;
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_bomb_ends_soon_and_its_beginning_is_read() {
    let zeros = vec![0; 1 << 20];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(format!("{OLD}/etc").as_bytes()).unwrap();
    for _ in 0..300 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let begun = Instant::now();
    let looked = look_as("x.gz", &bomb);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(looked.mentions.len(), 1);
    assert_eq!(looked.unread.iter().map(|unread| unread.why).collect::<Vec<_>>(), [Why::TooLarge]);
}

#[test]
fn many_bombs_in_one_archive_are_one_bomb() {
    let dir = tempfile::tempdir().unwrap();
    let code = "import zipfile\nwith zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n\
                \x20   for i in range(12): z.writestr(f'{i}', bytes(32 << 20))\n";
    run(dir.path(), "python3", &["-c", code]);
    let looked = look_as("a.zip", &fs::read(dir.path().join("a.zip")).unwrap());
    assert!(looked.unread.iter().any(|unread| unread.why == Why::TooLarge), "{:?}", looked.unread);
}

#[test]
fn archives_in_archives_end_somewhere() {
    let mut bytes = format!("{OLD}/deep").into_bytes();
    for depth in 1..=5 {
        bytes = gzip(&bytes);
        let looked = look_as("x.gz", &bytes);
        if depth <= 3 {
            assert_eq!((looked.mentions.len(), looked.unread.len()), (1, 0), "{depth}");
        } else {
            assert_eq!((looked.mentions.len(), looked.unread[0].why), (0, Why::TooDeep), "{depth}");
        }
    }
}

#[test]
fn a_cut_archive_is_read_up_to_the_cut() {
    let whole = gzip(&[format!("{OLD}/etc\n").as_bytes(), &vec![b'x'; 100_000], b"end"].concat());
    let looked = look_as("x.gz", &whole[..whole.len() - 20]);
    assert_eq!((looked.mentions.len(), looked.unread[0].why), (1, Why::Damaged));
    let looked = look_as("x.zip", b"PK\x03\x04 and nothing else");
    assert_eq!(looked.unread[0].why, Why::Damaged);
}

#[test]
fn a_file_that_is_all_mentions_is_counted_to_its_end() {
    let text = format!("{OLD}/\n").repeat(150_000);
    let looked = look_as("x", text.as_bytes());
    assert_eq!((looked.mentions.len(), looked.unlisted), (100_000, 50_000));
    let looked = look_as("x.gz", &gzip(text.as_bytes()));
    assert_eq!((looked.mentions.len(), looked.unlisted), (100_000, 50_000));
}
