//! What is told while a build runs: a live view where there is a terminal, lines where there is none; both with how long the
//! rest takes, once an earlier run has shown it.

use crate::lab::{Lab, Ran};
use std::fs;
use std::process::Command;

const PACKAGES: &str = "\"misc/greet\", \"www/web\", \"broken/compile\"";

/// Says how long packages took in an earlier run.
fn earlier(lab: &Lab, seconds: &str) {
    fs::create_dir_all(lab.work()).unwrap();
    fs::write(lab.work().join("state.json"), format!("{{\"seconds\": {{{seconds}}}}}")).unwrap();
}

#[test]
fn lines_tell_what_an_earlier_run_took_and_how_long_the_rest_takes() {
    let lab = Lab::new();
    lab.recipe("\"misc/greet\"", "");
    earlier(&lab, "\"greet-1.1\": 600");
    let ran = lab.build(&[]).expect(0, &[], &["greet-1.2: building, 10 min 0 s the last time"]);
    // What greet needs is there while greet, of which an older version took ten minutes, is not.
    let line = ran.err.lines().find(|line| line.contains("libgreet-1.4: installed")).unwrap();
    assert!(line.contains(", about 10 min 0 s left"), "{line}");
    assert!(!ran.err.contains('\u{1b}') && !ran.err.contains("waiting:"), "{}", ran.all());
    assert!(ran.err.contains("greet-1.2: configure\n"), "{}", ran.all());

    // The run has noted its own times.
    let kept = fs::read_to_string(lab.work().join("state.json")).unwrap();
    assert!(kept.contains("\"greet-1.2\""), "{kept}");
}

#[test]
fn without_an_earlier_run_nothing_is_guessed() {
    let lab = Lab::new();
    lab.recipe("\"devel/libcount\"", "");
    let ran = lab.build(&[]).expect(0, &[], &["libcount-2.0nb2: building\n"]);
    let first = ran.err.lines().find(|line| line.contains(": installed")).unwrap();
    assert!(!first.contains("left"), "{first}");
}

#[test]
fn a_terminal_shows_what_is_built_what_waits_what_failed_and_how_long_it_takes() {
    let lab = Lab::new();
    lab.recipe(PACKAGES, "");
    earlier(&lab, "\"greet-1.2\": 600, \"web-0.3\": 30");
    // script(1) gives the program a terminal; both outputs come through it.
    let built = lab.build_command(&["--keep-going"]);
    let line: Vec<_> =
        std::iter::once(built.get_program()).chain(built.get_args()).map(|word| word.to_string_lossy()).collect();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &line.join(" "), "/dev/null"]).current_dir(&lab.dir).stdin(std::process::Stdio::null());
    terminal.env_clear().envs(built.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
    let ran = Ran::of(&mut terminal);
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    let screen = &ran.out;
    for text in [
        "\u{1b}[",
        " being built",
        "waiting: ",
        "web-0.3",
        ", about 10 min ",
        " of unknown time",
        ", failed: compile-trial-1.0",
        "broken/compile failed in all",
    ] {
        assert!(screen.contains(text), "not on the screen: {text}\n{screen}");
    }
    // Phases move in the view; they are not printed one below the other.
    assert!(!screen.contains("greet-1.2: configure"), "{screen}");
    assert!(!screen.rsplit("error: ").next().unwrap().contains("waiting: "), "{screen}");
}
