//! What was typed of the commands for directories of releases.

use super::Common;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// `relocate update`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub(in crate::cli) struct UpdateArgs {
    /// The directory of releases; ROOT/current leads to the one that runs
    pub root: PathBuf,
    /// The repository: a directory, http://HOST/DIR, https://HOST/DIR or s3://BUCKET/DIR [default: as the last time]
    #[arg(long, value_name = "PLACE", help_heading = "Repository")]
    pub from: Option<String>,
    /// The publisher's root.json, or the sha256 of its 1.root.json; needed once
    #[arg(long, value_name = "FILE|SHA256", help_heading = "Repository")]
    pub root_key: Option<PathBuf>,
    /// The application [default: as the last time; at first the only one there is]
    #[arg(long, value_name = "NAME", help_heading = "Repository")]
    pub app: Option<String>,
    /// Whose releases to follow [default: as the last time; at first stable]
    #[arg(long, value_name = "NAME", help_heading = "Repository")]
    pub channel: Option<String>,
    /// Certificates that alone are believed [default: as the last time; at first the system's]
    #[arg(long, value_name = "FILE", help_heading = "Repository")]
    pub ca_file: Option<PathBuf>,
    /// Take what is known though it has expired or the repository cannot be reached, with a warning
    #[arg(long, help_heading = "Repository")]
    pub allow_stale: bool,
    /// Say whether there is something newer (exit code 100) and change nothing
    #[arg(long)]
    pub check: bool,
    /// Say what would be done and write nothing
    #[arg(long, conflicts_with = "check")]
    pub dry_run: bool,
    /// Say what of this machine would stop releases from running or being updated here, and how to end that (exit code 1)
    #[arg(long, conflicts_with_all = ["check", "dry_run", "no_hooks", "wait", "keep"])]
    pub preflight: bool,
    /// How many of the newest releases stay [default: as the last time; at first 3]
    #[arg(long, value_name = "N")]
    pub keep: Option<u16>,
    /// Take this release though it was gone back from
    #[arg(long, value_name = "SERIAL")]
    pub retry_bad: Option<u32>,
    /// Run nothing of what the release wants to be run: no restart, no health check
    #[arg(long)]
    pub no_hooks: bool,
    /// Wait for another update of ROOT instead of giving up
    #[arg(long)]
    pub wait: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate import`.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ImportArgs {
    /// The directory of releases; ROOT/current leads to the one that runs
    pub root: PathBuf,
    /// A copy of the repository, as on a disk that was carried here
    pub dir: PathBuf,
    /// The publisher's root.json, or the sha256 of its 1.root.json; needed once
    #[arg(long, value_name = "FILE|SHA256")]
    pub root_key: Option<PathBuf>,
    /// The application [default: as the last time; at first the only one there is]
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Whose releases to follow [default: as the last time; at first stable]
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// Say what would be done and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How many of the newest releases stay [default: as the last time; at first 3]
    #[arg(long, value_name = "N")]
    pub keep: Option<u16>,
    /// Run nothing of what the release wants to be run: no restart, no health check
    #[arg(long)]
    pub no_hooks: bool,
    /// Take this release though it was gone back from
    #[arg(long, value_name = "SERIAL")]
    pub retry_bad: Option<u32>,
    /// Wait for another update of ROOT instead of giving up
    #[arg(long)]
    pub wait: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate rollback`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RollbackArgs {
    /// The directory of releases
    pub root: PathBuf,
    /// The release to go to [default: the one before the current one]
    #[arg(long, value_name = "SERIAL")]
    pub to: Option<u32>,
    /// Say what would be done and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Run nothing of what the release wants to be run
    #[arg(long)]
    pub no_hooks: bool,
    /// Wait for an update of ROOT instead of giving up
    #[arg(long)]
    pub wait: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate pin`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PinArgs {
    /// The directory of releases
    pub root: PathBuf,
    /// The release
    pub serial: u32,
    /// Let it go when its time comes
    #[arg(long)]
    pub off: bool,
    /// Say what would be done and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Wait for an update of ROOT instead of giving up
    #[arg(long)]
    pub wait: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate releases`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReleasesArgs {
    /// The directory of releases
    pub root: PathBuf,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate exec`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExecArgs {
    /// The directory of releases
    pub root: PathBuf,
    /// A program of the current release: its path there, or its name in bin or sbin
    pub program: OsString,
    /// What it is given
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}
