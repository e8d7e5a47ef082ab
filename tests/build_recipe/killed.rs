//! A build that is killed with SIGKILL at any moment, run again, ends in the same archive.

use crate::lab::Lab;
use std::thread;
use std::time::Instant;

/// How many kills.
const KILLS: u32 = 20;

#[test]
fn a_killed_build_ends_in_the_same_archive_when_run_again() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "[links]\n\"bin/hello\" = \"greet\"\n\n[smoke]\ncommands = [\"bin/hello world\"]\n");
    let begun = Instant::now();
    lab.build(&[]).expect(0, &[], &[]);
    let whole = begun.elapsed();
    let expected = lab.digest();
    let outside = lab.outside();

    // Moments that look random and are the same each time; in thousandths of the time a whole build takes. One kill in
    // each twentieth of a build; every second one strikes the run that takes up what the one before has left.
    let mut moment = 12_345_u64;
    for kill in 0..KILLS {
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let within = u32::try_from((moment >> 33) % 50).unwrap();
        let pause = whole * ((kill * 7 % KILLS) * 50 + within) / 1000;
        if kill % 2 == 0 {
            lab.begin_again();
        }
        let mut child = lab.start(&["--quiet"]);
        thread::sleep(pause);
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        eprintln!("kill {kill} after {} ms of {}: {ended}", pause.as_millis(), whole.as_millis());
        if kill % 2 == 1 {
            lab.build(&["--quiet"]).expect(0, &[], &[]);
            assert_eq!(lab.digest(), expected, "after kill {kill}");
            assert_eq!(lab.outside(), outside, "after kill {kill}");
        }
    }
}
