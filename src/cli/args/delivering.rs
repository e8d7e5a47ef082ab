//! What was typed of the commands that publish releases and look after a repository.

use super::Common;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `relocate repo`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RepoArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: RepoCommand,
}

/// What is done to a repository.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RepoCommand {
    /// Make a repository and its keys
    Init(RepoInitArgs),
    /// Sign the timestamp anew, with the online key alone: for cron, once a day
    Refresh(RepoRefreshArgs),
    /// Show what is in it, who signs it, and until when it is good
    Status(RepoStatusArgs),
}

/// How a repository is reached.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ReachArgs {
    /// Believe these certificates alone (PEM) [default: SSL_CERT_FILE, else the system's]
    #[arg(long, value_name = "FILE", help_heading = "Repository")]
    pub ca_file: Option<PathBuf>,
}

/// Which keys sign.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Keys")]
pub(in crate::cli) struct KeyArgs {
    /// What signs timestamps and snapshots [default: RELOCATE_ONLINE_KEY, else REPO/keys/online.pem of a directory]
    #[arg(long, value_name = "FILE")]
    pub online_key: Option<PathBuf>,
    /// What signs lists of releases [default: RELOCATE_RELEASE_KEY]
    #[arg(long, value_name = "FILE")]
    pub release_key: Option<PathBuf>,
    /// A file whose first line opens keys that have a passphrase [default: ask on the terminal]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// How new keys are locked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Keys")]
pub(in crate::cli) struct NewKeyArgs {
    /// A file whose first line becomes the passphrase of new keys [default: ask on the terminal]
    #[arg(long, value_name = "FILE", conflicts_with = "no_passphrase")]
    pub passphrase_file: Option<PathBuf>,
    /// Write new keys as they are: whoever reads the files may sign
    #[arg(long)]
    pub no_passphrase: bool,
}

/// `relocate repo init`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RepoInitArgs {
    /// A directory, https://HOST/DIR that takes PUT, or s3://BUCKET/DIR
    pub repo: String,
    /// Write a root key to this file, outside of REPO; once for each key, better three than one
    #[arg(long, value_name = "FILE", required = true, help_heading = "Keys")]
    pub root_key_out: Vec<PathBuf>,
    /// How many root keys must sign [default: 2, or 1 where there is one]
    #[arg(long, value_name = "N", help_heading = "Keys")]
    pub threshold: Option<u64>,
    /// Write the key that signs releases to this file, outside of REPO [default: release.pem beside the first root key]
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    pub release_key_out: Option<PathBuf>,
    /// Write the key that signs timestamps to this file [default: REPO/keys/online.pem of a directory]
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    pub online_key_out: Option<PathBuf>,
    /// How new keys are locked.
    #[command(flatten)]
    pub new: NewKeyArgs,
    /// How it is reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate repo refresh`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RepoRefreshArgs {
    /// A directory, https://HOST/DIR that takes PUT, or s3://BUCKET/DIR
    pub repo: String,
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

/// `relocate repo status`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RepoStatusArgs {
    /// A directory, https://HOST/DIR, or s3://BUCKET/DIR
    pub repo: String,
    /// How it is reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate publish`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PublishArgs {
    /// The archive that relocate packed and proved
    pub archive: PathBuf,
    /// A directory, https://HOST/DIR that takes PUT, or s3://BUCKET/DIR
    pub repo: String,
    /// What the application is called: small letters, digits, '.', '_', '-'
    #[arg(long, value_name = "APP")]
    pub app: String,
    /// Its version, for people to read [default: its serial]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Who is to have it
    #[arg(long, value_name = "CHANNEL", default_value = "stable")]
    pub channel: String,
    /// What it runs on [default: as this machine, such as x86_64-linux]
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<String>,
    /// The number that orders releases [default: the highest of APP and one more]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub serial: Option<u32>,
    /// Make deltas from so many of the last releases of the channel
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub deltas: usize,
    /// Compression level of the pack, 1-19
    #[arg(long, value_name = "N", default_value_t = 19)]
    pub level: i32,
    /// Publish set-user-ID and set-group-ID files too
    #[arg(long)]
    pub allow_setuid: bool,
    /// What machines run when the release becomes current, and how it shows that it is well: a file in TOML with
    /// `activate` and `health`, lists of commands, each a list of words, and `seconds`
    #[arg(long, value_name = "FILE")]
    pub hooks: Option<PathBuf>,
    /// Make everything, print what would be published, write nothing
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
