//! Properties that somebody wrote who means no good, and ones that other systems and editors leave behind.

use crate::lab::{GETTERS, Getter, Lab, SHELLS, tool};
use relocate::base::digest::Digest;
use std::fs;

#[test]
fn what_stands_in_the_properties_is_never_executed() {
    let one = tool("1.0");
    let lab = Lab::new();
    let url = lab.file("tool", &one);
    let sign = lab.place.at("sign");
    let sign = sign.to_str().unwrap();
    let digest = Digest::of(&one).to_string();
    let commands = [
        format!("$(touch {sign})"),
        format!("`touch {sign}`"),
        format!("x; touch {sign}"),
        format!("x\"; touch {sign}; \""),
        format!("x'; touch {sign}; '"),
        format!("${{x:=$(touch {sign})}}"),
        format!("| touch {sign}"),
        format!("a[$(touch {sign})]"),
    ];
    for (at, command) in commands.iter().enumerate() {
        let (shell, getter) = (SHELLS[at % 3], GETTERS[at / 3]);
        for text in [
            format!("version={command}\nsha256={digest}\nurls={url}\n"),
            format!("version=1.0\nsize={command}\nsha256={digest}\nurls={url}\n"),
            format!("version=1.0\n{command}\n{command}=x\nPATH={sign}\nIFS=/\nsha256={digest}\nurls={url}\n"),
            format!("version=1.0\nsha256={digest}\nurls=https://{command} {url}\n"),
        ] {
            fs::remove_dir_all(lab.home()).unwrap_or_default();
            lab.properties(&text);
            let ran = lab.run(shell, getter, &[]);
            assert_eq!(ran.code, Some(0), "{text} {ran:?}");
            assert!(ran.out.starts_with("tool 1.0,"), "{text} {ran:?}");
        }
        lab.properties(&format!("version=1.0\nsha256={command}\nurls={url}\n"));
        lab.run(shell, getter, &[]).expect(2, &["no sha256=DIGEST in ", "help: "]);
        assert!(!fs::exists(sign).unwrap(), "{command}");
    }
}

#[test]
fn a_url_is_no_option_no_pattern_and_no_escape() {
    let one = tool("1.0");
    for (shell, getter) in SHELLS.into_iter().zip(GETTERS) {
        let lab = Lab::new();
        let target = lab.place.at("target");
        let odd = [
            "-o",
            target.to_str().unwrap(),
            "--config=/etc/passwd",
            "*",
            "/etc/passwd",
            "file:relative",
            "ftp://x/",
            "\u{1b}[31m\\033[31m\\c",
        ];
        lab.pin(&one, &[&odd.join(" "), &lab.file("tool", &one)]);
        let done = lab.run(shell, getter, &[]);
        assert!(done.is_tool("1.0") && done.warnings() == odd.len(), "{done:?}");
        assert!(!done.err.contains('\u{1b}') && done.err.contains("\\033[31m\\c") && !target.exists(), "{done:?}");
    }
}

#[test]
fn a_digest_is_sixty_four_small_digits_or_the_run_ends_at_once() {
    let lab = Lab::new();
    let good = Digest::of(b"x").to_string();
    for shell in SHELLS {
        for bad in [
            "",
            "../../..",
            &good[1..],
            &format!("{good}0"),
            &good.to_uppercase(),
            &format!("{}/", &good[1..]),
            "*",
            &"*".repeat(64),
        ] {
            lab.properties(&format!("version=1\nsha256={bad}\nurls=file:///x\n"));
            lab.run(shell, Getter::Curl, &[]).expect(2, &["no sha256=DIGEST in "]);
        }
        lab.properties("");
        lab.run(shell, Getter::Curl, &[]).expect(2, &["no sha256=DIGEST in "]);
        fs::remove_file(lab.project.join("relocatew.properties")).unwrap();
        lab.run(shell, Getter::Curl, &[]).expect(2, &["there is no ", "relocatew.properties"]);
    }
    assert!(lab.kept().is_empty());
}

#[test]
fn lines_may_end_as_elsewhere_and_the_last_one_not_at_all() {
    let one = tool("1.0");
    for shell in SHELLS {
        let lab = Lab::new();
        let (url, digest) = (lab.file("to 100% ol", &one).replace("100%", "100%25"), Digest::of(&one));
        lab.properties(&format!("# ours\r\n\r\nversion=1.0\r\nsha256={digest}\r\nurls=file:///no {url}\r"));
        assert!(lab.run(shell, Getter::Nothing, &[]).is_tool("1.0"));
        assert!(lab.run(shell, Getter::Nothing, &[]).expect(0, &[]).is_tool("1.0"));
    }
}
