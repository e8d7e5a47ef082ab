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
