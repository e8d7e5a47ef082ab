//! The command line: typed arguments in, one report out, an exit code. The only floor that prints.

mod args;
mod audit;
mod build;
mod build_one;
mod building;
mod carried;
mod channels;
mod check;
mod config;
mod demo;
mod deploy;
mod dispatch;
mod elf;
mod exec;
mod exit;
mod failure;
mod fetch;
mod fix;
mod host_data;
mod init;
mod inspect;
mod install;
mod json;
mod keys;
mod left;
mod names;
mod output;
mod own;
mod pack;
mod paste;
mod peer;
mod plan;
mod preflight;
mod progress;
mod publish;
mod releases;
mod repo;
mod report;
mod rollback;
mod serve_deploy;
mod sources;
mod summary;
mod target;
mod update;
mod verify;
mod wrapper;

pub use exit::Exit;

use args::{BuildArgs, Cli, Command, PackArgs};
use clap::Parser as _;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs one command line (with the program's name first), or lets a newer copy of the program run it, and tells the exit code; archives get the program `carried`. A panic
/// below is our fault and ends with 70.
pub fn run(arguments: Vec<OsString>, carried: Option<&'static [u8]>) -> ExitCode {
    guarded(|| {
        if let Some(peer) = peer::called_as(&arguments) {
            return peer::run(peer, &arguments);
        }
        own::begin(&arguments);
        dispatch(arguments, carried).into()
    })
}

/// The same for the program that archives carry, which has the commands of a target alone.
pub fn run_carried(arguments: Vec<OsString>) -> ExitCode {
    guarded(move || carried::dispatch(&arguments).into())
}

fn guarded(work: impl FnOnce() -> ExitCode + std::panic::UnwindSafe) -> ExitCode {
    if let Ok(exit) = std::panic::catch_unwind(work) {
        return exit;
    }
    report::error(
        "this is a fault in relocate itself",
        Some("please report it with the command line and the lines above"),
    );
    Exit::Bug.into()
}

fn dispatch(arguments: Vec<OsString>, carried: Option<&'static [u8]>) -> Exit {
    if own::is_self_test(&arguments) {
        return own::self_test();
    }
    let arguments = match dispatch::with_command(arguments) {
        Ok(arguments) => arguments,
        Err(unknown) => {
            report::error(&unknown.to_string(), Some(&unknown.help()));
            return Exit::Usage;
        }
    };
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => match cli.command {
            Command::Pack(args) => pack::run(&PackArgs { carried, ..*args }, &arguments),
            Command::Check(args) => check::run(&args),
            Command::Init(args) => init::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Audit(args) => audit::run(&args),
            Command::Fetch(args) => fetch::run(&args),
            Command::Build(args) => build::run(&BuildArgs { carried, ..args }),
            Command::Plan(args) => plan::run(&args),
            Command::BuildOne(args) => build_one::run(&args),
            Command::Publish(args) => publish::run(&args),
            Command::Promote(args) => channels::promote(&args),
            Command::Retire(args) => channels::retire(&args),
            Command::Repo(args) => repo::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Install(args) => install::run(&args),
            Command::Fix(args) => fix::run(&args, fix::look),
            Command::Verify(args) => verify::run(&args),
            Command::Elf(args) => elf::run(&args),
            Command::Update(args) => update::run(&args),
            Command::Import(args) => update::import(&args),
            Command::Rollback(args) => rollback::run(&args),
            Command::Pin(args) => rollback::pin(&args),
            Command::Releases(args) => releases::run(&args),
            Command::Exec(args) => exec::run(&args),
            Command::Deploy(args) => deploy::run(&args),
            Command::ServeDeploy(args) => serve_deploy::run(&args),
            Command::Own(args) => own::run(&args, &arguments),
            Command::Wrapper(args) => wrapper::run(&args),
        },
        Err(error) => usage(&error),
    }
}

/// Help that was asked for, or what was typed wrong.
fn usage(error: &clap::Error) -> Exit {
    // Printing help into a closed pipe is no error of ours.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}
