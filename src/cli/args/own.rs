//! What was typed of `relocate self`.

use super::{Common, KeyArgs, ReachArgs};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `relocate self`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SelfArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: SelfCommand,
}

/// What is done to the program itself.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SelfCommand {
    /// Take the newest version of relocate; the first time with --from and --root-key
    Update(SelfUpdateArgs),
    /// Say which version runs, where it is from, and what the repository has
    Status(SelfStatusArgs),
    /// Use the version before again
    Rollback(SelfRollbackArgs),
    /// What is done, once a day, where a newer version may be there
    Policy(SelfPolicyArgs),
    /// Add a version of relocate to a repository, for machines and projects that follow it
    Publish(SelfPublishArgs),
}

/// `relocate self publish`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SelfPublishArgs {
    /// The program; its `--self-test` must pass here, and says its version
    pub file: PathBuf,
    /// A directory, https://HOST/DIR that takes PUT, or s3://BUCKET/DIR
    pub repo: String,
    /// Who is to have it
    #[arg(long, value_name = "CHANNEL", default_value = "stable")]
    pub channel: String,
    /// The oldest version that can take it [default: any]
    #[arg(long, value_name = "VERSION")]
    pub min_tool: Option<String>,
    /// Say what would be published, and publish nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Which keys sign.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// How it is reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate self update`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SelfUpdateArgs {
    /// The repository: a directory, http://HOST/DIR, https://HOST/DIR or s3://BUCKET/DIR [default: as the last time]
    #[arg(long, value_name = "PLACE", help_heading = "Repository")]
    pub from: Option<String>,
    /// The publisher's root.json, or the sha256 of its 1.root.json; needed once
    #[arg(long, value_name = "FILE|SHA256", help_heading = "Repository")]
    pub root_key: Option<PathBuf>,
    /// Whose versions to follow [default: as the last time; at first stable]
    #[arg(long, value_name = "NAME", help_heading = "Repository")]
    pub channel: Option<String>,
    /// Certificates that alone are believed [default: as the last time; at first the system's]
    #[arg(long, value_name = "FILE", help_heading = "Repository")]
    pub ca_file: Option<PathBuf>,
    /// Say whether there is something newer (exit code 100) and take nothing
    #[arg(long)]
    pub check: bool,
    /// Take the newest though it was bad or gone back from
    #[arg(long)]
    pub retry_bad: bool,
    /// Wait for another process that is at it instead of giving up
    #[arg(long)]
    pub wait: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate self status`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SelfStatusArgs {
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate self rollback`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SelfRollbackArgs {
    /// Wait for another process that is at it instead of giving up
    #[arg(long)]
    pub wait: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate self policy`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SelfPolicyArgs {
    /// notify tells of a newer version, auto takes it where it is compatible, off asks nobody [default: say which it is]
    #[arg(value_parser = ["notify", "auto", "off"])]
    pub policy: Option<String>,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}
