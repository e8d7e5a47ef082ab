//! What was typed of the commands that pin this program for a project.

use super::Color;
use crate::base::digest::Digest;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `relocate wrapper`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WrapperArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: WrapperCommand,
}

/// What is done with a project's pin.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum WrapperCommand {
    /// Write relocatew and relocatew.properties into a project
    Init(WrapperInitArgs),
    /// Take another version, and the script as this version has it
    Bump(WrapperBumpArgs),
}

/// What both say of the file that is fetched.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub(in crate::cli) struct PinArgs {
    /// Where it can be fetched: https, http or file; tried in this order, each asked now. One that ends with / mirrors the repository
    #[arg(long, value_name = "URL")]
    pub url: Vec<String>,
    /// The sha256 of the file
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub sha256: Option<Digest>,
    /// Do not ask whether the URLs serve it
    #[arg(long)]
    pub offline: bool,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON instead of text (schema in docs/json.md)
    #[arg(long)]
    pub json: bool,
    /// Print errors only
    #[arg(long, short)]
    pub quiet: bool,
    /// When to colour; NO_COLOR is honoured
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// `relocate wrapper init`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WrapperInitArgs {
    /// The project's directory
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// A signed repository that has relocate; its newest version is pinned, and 'bump' finds the next
    #[arg(long, value_name = "REPO")]
    pub from: Option<String>,
    /// How trust begins: the sha256 of the repository's first root, or a root.json
    #[arg(long, value_name = "FILE|SHA256", requires = "from")]
    pub root_key: Option<PathBuf>,
    /// Which channel of it is followed [default: stable]
    #[arg(long, value_name = "CHANNEL", requires = "from")]
    pub channel: Option<String>,
    /// The version [default: the newest of the repository; else that of this program, which is the file then]
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Write over what is there
    #[arg(long)]
    pub force: bool,
    /// The file.
    #[command(flatten)]
    pub pin: PinArgs,
}

/// `relocate wrapper bump`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WrapperBumpArgs {
    /// The version to take [default: the newest of the repository that the project follows]
    pub version: Option<String>,
    /// The project's directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// The file.
    #[command(flatten)]
    pub pin: PinArgs,
}

fn digest(text: &str) -> Result<Digest, String> {
    let digest = Digest::from_hex(&text.trim().to_ascii_lowercase());
    digest.ok_or_else(|| "it must be 64 hexadecimal digits".to_owned())
}
