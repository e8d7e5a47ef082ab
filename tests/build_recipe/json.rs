//! `--json`: one document on standard output, however it ends, with the exit code in it.

use crate::lab::{Lab, Ran};
use serde_json::Value;
use std::fs;

fn document(ran: &Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}\n{}", ran.all()));
    assert_eq!(document["exit"].as_i64(), ran.code.map(i64::from), "{}", ran.all());
    assert_eq!(document["schema"], 1);
    document
}

#[test]
fn one_document_says_what_came_out() {
    let lab = Lab::new();
    lab.recipe(
        "\"misc/greet\"",
        "[mk.set]\nNO_SUCH_VARIABLE_AT_ALL = \"1\"\n\n[smoke]\ncommands = [\"bin/greet world\"]\n",
    );
    let looked = document(&lab.build(&["--json", "--dry-run"]));
    assert_eq!(
        (&looked["command"], &looked["dry_run"], &looked["output"]),
        (&"build".into(), &true.into(), &Value::Null)
    );
    assert_eq!(looked["findings"][0]["kind"], "variable-unread");

    let built = document(&lab.build(&["--json"]));
    assert_eq!(
        (&built["command"], &built["result"], &built["dry_run"]),
        (&"build".into(), &"done".into(), &false.into())
    );
    assert_eq!(built["packages"]["made"], serde_json::json!(["digest-20121220", "libgreet-1.4", "greet-1.2"]));
    assert_eq!(built["output"]["sha256"], lab.digest().to_string());
    assert_eq!(built["output"]["size"], fs::metadata(lab.archive()).unwrap().len());
    assert_eq!(built["output"]["path"], lab.archive().display().to_string());
    assert_eq!((&built["runs"][0]["command"], &built["runs"][0]["clean"]), (&"bin/greet world".into(), &true.into()));

    lab.recipe("\"misc/greet\"", "[smoke]\ncommands = [\"bin/bmake -f /nonexistent\"]\n");
    let failed = document(&lab.build(&["--json"]));
    assert_eq!(
        (&failed["command"], &failed["result"], &failed["output"]),
        (&"build".into(), &"no".into(), &Value::Null)
    );
    assert_eq!(failed["runs"][0]["clean"], false);
}

#[test]
fn one_document_says_why_nothing_came_out() {
    let lab = Lab::new();
    lab.recipe("\"misc/gret\"", "");
    let refused = document(&lab.build(&["--json"]));
    assert_eq!((&refused["command"], &refused["result"]), (&"build".into(), &"usage".into()));
    assert!(refused["error"]["message"].as_str().unwrap().contains("did you mean 'misc/greet'?"), "{refused}");

    lab.recipe("\"broken/compile\"", "");
    let failed = document(&lab.build(&["--json"]));
    assert_eq!(failed["result"], "build failed");
    assert!(failed["error"]["message"].as_str().unwrap().contains("broken/compile failed in all"), "{failed}");

    // What the main job finds is told in its own words.
    lab.recipe("\"broken/leak\"", "");
    let leaks = document(&lab.build(&["--json"]));
    assert_eq!((&leaks["command"], &leaks["exit"]), (&"pack".into(), &1.into()), "{leaks:#}");
    assert_eq!(leaks["verdict"]["missing"][0]["soname"], "libz.so.1");
}
