//! What was typed of the commands that build, plan, fetch and look at packages.

use super::{Color, Common};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `relocate init`.
#[derive(Debug, Args)]
pub(in crate::cli) struct InitArgs {
    /// The file to write; one that is there is left alone
    #[arg(default_value = "recipe.toml")]
    pub file: PathBuf,
    /// The directory to build for [default: one of 64 bytes below /opt]
    #[arg(long, value_name = "DIR")]
    pub prefix: Option<String>,
    /// What to call it [default: FILE without its extension; for recipe.toml its directory]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
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

/// `relocate build`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub(in crate::cli) struct BuildArgs {
    /// The recipe (docs/recipe.md); `relocate init` writes one
    pub recipe: PathBuf,
    /// Where the recipe's files are kept.
    #[command(flatten)]
    pub places: PlaceArgs,
    /// Binary packages shared with other builds: a directory, s3://BUCKET/DIR or https://HOST/DIR
    #[arg(long, value_name = "PLACE")]
    pub cache: Option<String>,
    /// Fail where anything differs from the lock beside the recipe, instead of writing a new one
    #[arg(long)]
    pub locked: bool,
    /// After a package failed, go on with what does not need it
    #[arg(long)]
    pub keep_going: bool,
    /// Where another build has the prefix, end with 75 instead of waiting
    #[arg(long)]
    pub no_wait: bool,
    /// Look at the recipe, the tree and this machine, and build nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The program that this one was built with for archives to carry.
    #[arg(skip)]
    pub carried: Option<&'static [u8]>,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate plan`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArgs {
    /// The recipe (docs/recipe.md)
    pub recipe: PathBuf,
    /// The engine
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub format: PlanFormat,
    /// Where to [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The cache that the packages share, as the machines see it
    #[arg(long, value_name = "PLACE", default_value = "cache")]
    pub cache: String,
    /// Have the calls fail where anything differs from the lock beside the recipe
    #[arg(long)]
    pub locked: bool,
    /// Where the recipe's files are kept.
    #[command(flatten)]
    pub places: PlaceArgs,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// An engine's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PlanFormat {
    /// A child pipeline of GitLab
    Gitlab,
    /// A workflow of Argo
    Argo,
    /// A makefile for GNU and BSD make
    Make,
}

/// Where a build keeps its files.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PlaceArgs {
    /// Where to work [default: below ~/.cache/relocate, one directory for each recipe and prefix]
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// Where source archives lie [default: what the recipe says, else distfiles/ in the work directory]
    #[arg(long, value_name = "DIR")]
    pub distfiles: Option<PathBuf>,
    /// Never connect to anything
    #[arg(long)]
    pub offline: bool,
    /// Believe these certificates alone [default: SSL_CERT_FILE, else the system's and those of the tool]
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// `relocate fetch`.
#[derive(Debug, Args)]
pub(in crate::cli) struct FetchArgs {
    /// The recipe (docs/recipe.md)
    pub recipe: PathBuf,
    /// List what is missing, where it would come from and where it belongs; end with 1 where something is
    #[arg(long)]
    pub dry_run: bool,
    /// Where the build keeps its files.
    #[command(flatten)]
    pub places: PlaceArgs,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate build-one`.
#[derive(Debug, Args)]
pub(in crate::cli) struct BuildOneArgs {
    /// The package's key, as `relocate plan` and the lock have it
    pub key: String,
    /// The recipe (docs/recipe.md)
    #[arg(long, value_name = "FILE")]
    pub recipe: PathBuf,
    /// Where the packages it needs are, and where it goes: a directory, s3://BUCKET/DIR or https://HOST/DIR
    #[arg(long, value_name = "PLACE")]
    pub cache: String,
    /// The package that is meant, to be told where it has another key here
    #[arg(long, value_name = "NAME")]
    pub package: Option<String>,
    /// Fail where anything differs from the lock beside the recipe
    #[arg(long)]
    pub locked: bool,
    /// Where another build has the prefix, end with 75 instead of waiting
    #[arg(long)]
    pub no_wait: bool,
    /// Where the recipe's files are kept.
    #[command(flatten)]
    pub places: PlaceArgs,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate inspect`.
#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArgs {
    /// A directory or an archive
    pub tree: PathBuf,
    /// Tell everything of these packages only (name or full-name glob)
    #[arg(long, short, value_name = "GLOB")]
    pub package: Vec<String>,
    /// Write the bill of materials, CycloneDX 1.5 in JSON; - for standard output
    #[arg(long, value_name = "FILE")]
    pub sbom: Option<PathBuf>,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate audit`.
#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArgs {
    /// A directory or an archive
    pub tree: PathBuf,
    /// The list, pkg-vulnerabilities as pkgsrc publishes it, plain or compressed with gzip or zstd
    #[arg(long, value_name = "FILE")]
    pub vulnerabilities: PathBuf,
    /// Whose signature the list must have: OpenPGP keys as gpg exports them; gpgv checks it
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// Leave out what this address describes
    #[arg(long, value_name = "URL")]
    pub ignore: Vec<String>,
    /// Tell also of packages that nobody maintains any more
    #[arg(long)]
    pub end_of_life: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}
