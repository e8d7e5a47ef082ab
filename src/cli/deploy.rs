//! `relocate deploy`: asks a machine for a deploy, and ends as that ended.

use super::args::DeployArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::update::failed;
use super::{json, report};
use crate::deploy::{AskError, End, Host, Request};
use report::{GREEN, RED, paint, say, talk};
use serde_json::json;
use std::ffi::OsString;

/// Runs the command.
pub(super) fn run(args: &DeployArgs) -> Exit {
    report::colour(args.common.color);
    let request = Request {
        reference: args.reference.clone(),
        docs: args.docs,
        wait: args.wait,
        dry_run: args.dry_run,
        ..Request::of(&args.app)
    };
    let ssh: Vec<OsString> = args.ssh.as_deref().unwrap_or("ssh").split_whitespace().map(OsString::from).collect();
    let mut kept = Vec::new();
    let asked = Host::read(&args.host).and_then(|host| {
        host.ask(&request, &ssh, &mut |line| {
            if args.follow {
                talk(&format!("{line}\n"));
            } else {
                kept.push(line.to_owned());
            }
        })
    });
    match asked {
        Ok(end) => tell(args, &end, &kept),
        Err(error) => {
            let exit = if matches!(error, AskError::Host(_)) { Exit::Usage } else { Exit::Environment };
            let failure = Failure::new(exit, error.to_string()).help(Some(error.help().to_owned()));
            before_failure(args, &kept);
            failure.tell("deploy", failed(&args.common))
        }
    }
}

fn tell(args: &DeployArgs, end: &End, kept: &[String]) -> Exit {
    let exit = Exit::from_code(end.exit);
    if args.common.json {
        say(&json::of(
            "deploy",
            exit,
            &json!({
                "dry_run": args.dry_run, "host": args.host, "app": args.app, "ref": args.reference, "docs": args.docs,
                "message": end.message, "help": end.help, "commit": end.commit, "serial": end.serial, "before": end.before,
            }),
        ));
        return exit;
    }
    if exit == Exit::Done {
        if !args.common.quiet {
            say(&format!("{} {}\n", paint(GREEN, "deployed:"), end.message));
        }
        return exit;
    }
    before_failure(args, kept);
    if exit == Exit::Returned {
        talk(&format!("{} {}\n", paint(RED, "rolled back:"), end.message));
    } else {
        report::error(&end.message, end.help.as_deref());
    }
    exit
}

/// What was said before it failed, for who did not follow.
fn before_failure(args: &DeployArgs, kept: &[String]) {
    if !args.common.quiet {
        for line in kept {
            talk(&format!("{line}\n"));
        }
    }
}
