//! What was typed of the commands that publish releases and look after a repository.

use super::Common;
use clap::{Args, Subcommand, ValueEnum};
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
    /// Remove what no list names any more, and old lists
    Gc(RepoGcArgs),
    /// Publish the next root: with another key, or the same ones for another year
    RotateKey(Box<RotateKeyArgs>),
    /// Add a signature to the draft of a root, on the machine of whoever holds the key
    SignRoot(SignRootArgs),
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
    /// What signs lists of releases [default: RELOCATE_RELEASE_KEY, where one is needed]
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
    /// Make deltas from so many of the last releases of the channel, and from the newest of each other; 0 makes none
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

/// `relocate repo gc`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RepoGcArgs {
    /// A directory, https://HOST/DIR that takes PUT and DELETE, or s3://BUCKET/DIR
    pub repo: String,
    /// Leave what was in use so many days ago
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub grace_days: u32,
    /// Print what would be removed and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Which keys sign; the release key only where releases were retired.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// How it is reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// The keys of a repository that may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RoleArg {
    /// One of those that sign roots
    Root,
    /// What signs lists of releases
    Release,
    /// What signs snapshots and timestamps
    Online,
}

/// `relocate repo rotate-key`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RotateKeyArgs {
    /// A directory, https://HOST/DIR that takes PUT, or s3://BUCKET/DIR
    pub repo: String,
    /// Which key is replaced [default: none; the root is good for another year]
    #[arg(long, value_enum, value_name = "ROLE", help_heading = "The next root")]
    pub role: Option<RoleArg>,
    /// Write the new key to this file, outside of REPO but for the online key; for a root key, none takes the old one away
    #[arg(long, value_name = "FILE", requires = "role", help_heading = "The next root")]
    pub key_out: Option<PathBuf>,
    /// The id of the root key that is replaced, or its first digits; none adds one
    #[arg(long, value_name = "ID", requires = "role", help_heading = "The next root")]
    pub old: Option<String>,
    /// How many root keys must sign [default: as many as before]
    #[arg(long, value_name = "N", help_heading = "The next root")]
    pub threshold: Option<u64>,
    /// Sign with this root key, whose holder is here; once for each
    #[arg(long, value_name = "FILE", help_heading = "The next root")]
    pub root_key: Vec<PathBuf>,
    /// Where keys are missing, write the root to this file for `sign-root`; where it is there, go on with it
    #[arg(long, value_name = "FILE", help_heading = "The next root")]
    pub draft: Option<PathBuf>,
    /// Write the new key as it is: whoever reads the file may sign
    #[arg(long, help_heading = "Keys")]
    pub no_passphrase: bool,
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

/// `relocate repo sign-root`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SignRootArgs {
    /// The draft that `rotate-key --draft` wrote; it is written anew with the signature
    pub draft: PathBuf,
    /// The root key; once for each
    #[arg(long, value_name = "FILE", required = true)]
    pub root_key: Vec<PathBuf>,
    /// A file whose first line opens it [default: ask on the terminal]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate promote`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PromoteArgs {
    /// A directory, https://HOST/DIR that takes PUT, or s3://BUCKET/DIR
    pub repo: String,
    /// The release, by its application and serial
    #[command(flatten)]
    pub which: WhichArgs,
    /// The channel that gets it
    #[arg(long, value_name = "CHANNEL")]
    pub channel: String,
    /// What it has in common with `retire`.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// `relocate retire`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RetireArgs {
    /// A directory, https://HOST/DIR that takes PUT, or s3://BUCKET/DIR
    pub repo: String,
    /// The release, by its application and serial
    #[command(flatten)]
    pub which: WhichArgs,
    /// The channel it is taken from [default: all]
    #[arg(long, value_name = "CHANNEL")]
    pub channel: Option<String>,
    /// What it has in common with `promote`.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// A release by its application and number.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct WhichArgs {
    /// The application
    #[arg(long, value_name = "APP")]
    pub app: String,
    /// The serial of the release
    #[arg(long, value_name = "N")]
    pub serial: u32,
}

/// What changes of the list have in common.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ChangeArgs {
    /// Print what would be done and write nothing
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
