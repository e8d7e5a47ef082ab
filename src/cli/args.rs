//! What was typed. What it means here is decided in the file of each command.

mod building;
mod delivering;
mod deploying;
mod own;
mod releases;
mod wrapping;

pub(super) use building::{
    AuditArgs, BuildArgs, BuildOneArgs, FetchArgs, InitArgs, InspectArgs, PlaceArgs, PlanArgs, PlanFormat,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(super) use delivering::{
    ChangeArgs, KeyArgs, NewKeyArgs, PromoteArgs, PublishArgs, ReachArgs, RepoArgs, RepoCommand, RepoGcArgs,
    RepoInitArgs, RepoRefreshArgs, RepoStatusArgs, RetireArgs, RoleArg, RotateKeyArgs, SignRootArgs, WhichArgs,
};
pub(super) use deploying::{DeployArgs, ServeDeployArgs};
pub(super) use own::{
    SelfArgs, SelfCommand, SelfPolicyArgs, SelfPublishArgs, SelfRollbackArgs, SelfStatusArgs, SelfUpdateArgs,
};
pub(super) use releases::{ExecArgs, ImportArgs, PinArgs, ReleasesArgs, RollbackArgs, UpdateArgs};
use std::ffi::OsString;
use std::path::PathBuf;
pub(super) use wrapping::{PinArgs as WrapperPinArgs, WrapperArgs, WrapperBumpArgs, WrapperCommand, WrapperInitArgs};

/// Turns an installed software prefix into a tarball that runs from any path.
#[derive(Debug, Parser)]
#[command(name = "relocate", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(override_usage = "relocate ROOT [-o OUT] [OPTIONS]\n       relocate COMMAND ...")]
#[command(
    after_help = "Exit codes: 0 done and proven, 1 the answer is no, 2 usage, 3 an edit was refused, 4 environment, 5 build failed, 70 a fault of ours, 75 busy, 100 something newer is there.\nA directory that is named like a command is written ./check."
)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Rewrite, prove and pack the prefix ROOT (the same as `relocate ROOT`)
    Pack(Box<PackArgs>),
    /// Prove that a tree or archive runs from any path
    Check(Box<CheckArgs>),
    /// Unpack an archive that relocate made, and write its path into the files that depend on it
    Install(InstallArgs),
    /// Write the path where a tree is now into the files that depend on it: after tar, or after a move
    Fix(FixArgs),
    /// Compare a tree or archive with its own manifest, byte for byte
    Verify(VerifyArgs),
    /// Print or change the run-time path of single files
    Elf(ElfArgs),
    /// List what is in a tree or archive: packages, versions, options, licences, sizes, why each is there
    Inspect(InspectArgs),
    /// Compare the packages of a tree or archive with pkgsrc's list of vulnerabilities
    Audit(AuditArgs),
    /// Build what a recipe names, from a pkgsrc tree to the proven archive
    Build(BuildArgs),
    /// Write the packages of a recipe as a pipeline, workflow or makefile, each a `relocate build-one`
    Plan(PlanArgs),
    /// Build one package of a recipe into a shared cache, with what it needs from there
    BuildOne(BuildOneArgs),
    /// Fetch the source archives of a recipe, and of all it needs
    Fetch(FetchArgs),
    /// Write a commented recipe for `relocate build`
    Init(InitArgs),
    /// Add a release to a repository that machines update from
    Publish(Box<PublishArgs>),
    /// Give a release that is published to another channel
    Promote(PromoteArgs),
    /// Take a release back: no machine gets it any more
    Retire(RetireArgs),
    /// Make and look after a repository of releases
    Repo(RepoArgs),
    /// Make the newest release of a repository the current one in ROOT; the first time with --from and --root-key
    Update(UpdateArgs),
    /// Update from a copy of a repository that was carried here, for machines without a network
    Import(ImportArgs),
    /// Make the release before the current one current again
    Rollback(RollbackArgs),
    /// Say which releases are in ROOT, which is current, and what its repository has
    Releases(ReleasesArgs),
    /// Keep an installed release whatever is removed, or let it go
    Pin(PinArgs),
    /// Run a program of the current release, which stays on the disk until that ends
    Exec(ExecArgs),
    /// Ask a machine to deploy a commit of an application
    Deploy(DeployArgs),
    /// Deploy what one request from standard input asks for: behind ssh, a socket or a push
    ServeDeploy(ServeDeployArgs),
    /// Pin the version of this program that a project uses: files to commit, which fetch it where it is not
    Wrapper(WrapperArgs),
    /// Look after relocate itself: newer versions of it, and publishing them
    #[command(name = "self")]
    Own(SelfArgs),
    /// Build a small prefix with the C compiler here, move it, watch it fail, relocate it, watch it run
    Demo(DemoArgs),
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// Print JSON instead of text (schema in docs/json.md)
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Print errors only
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// Threads to work with [default: one for each processor]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Output")]
    pub jobs: Option<u16>,
    /// When to colour; NO_COLOR is honoured
    #[arg(long, value_enum, default_value_t = Color::Auto, help_heading = "Output")]
    pub color: Color,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal.
    Auto,
    /// Even into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// A run-time path tag, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TagArg {
    /// DT_RUNPATH
    Runpath,
    /// DT_RPATH
    Rpath,
}

/// What is allowed and demanded of a tree; `relocate.toml` may say the same.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What the result may need")]
pub(super) struct LawArgs {
    /// Take this library from the target (soname glob)
    #[arg(long, value_name = "GLOB")]
    pub allow_lib: Vec<String>,
    /// Do without this library, or without what this file needs (soname or path glob)
    #[arg(long, value_name = "GLOB")]
    pub allow_missing: Vec<String>,
    /// Keep this absolute symlink (path glob)
    #[arg(long, value_name = "GLOB")]
    pub allow_link: Vec<String>,
    /// Let this file name an old path that any user of a target could create (path glob)
    #[arg(long, value_name = "GLOB")]
    pub allow_old_path: Vec<String>,
    /// Fail where the result needs more than this system has: el7, debian-11, ubuntu-18.04, alpine, ..., or a FILE
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Read options from this file [default: relocate.toml beside ROOT, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `relocate pack`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub(super) struct PackArgs {
    /// The installed prefix; it is read, never changed
    pub root: PathBuf,
    /// Where to: NAME.tar, .tar.gz, .tgz, .tar.zst; DIR/ for a tree; - for a pipe [default: ./ROOT.tar.gz]
    #[arg(long, short, value_name = "OUT")]
    pub output: Option<OsString>,
    /// Change ROOT itself instead, file by file
    #[arg(long, conflicts_with = "output")]
    pub in_place: bool,
    /// With --in-place: change run-time paths and symlinks alone, as patchelf would; no text is looked at
    #[arg(long, requires = "in_place", conflicts_with_all = ["output", "dest", "prune", "strip", "bundle", "copy_link", "keep_la", "build_dir", "allow_old_path"])]
    pub elf_only: bool,
    /// Print what would be done and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The prefix ROOT was built for [default: found in ROOT]
    #[arg(long, value_name = "DIR")]
    pub old_prefix: Vec<OsString>,
    /// Give every run-time path this tag [default: each keeps its own]
    #[arg(long, value_enum, value_name = "TAG")]
    pub tag: Option<TagArg>,
    /// Leave out what matches (path or name glob)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Leave out what programs do not read: docs, man, locale, static, headers, la, pyc, tests, or globs
    #[arg(long, value_name = "WORDS", conflicts_with = "in_place")]
    pub prune: Vec<String>,
    /// Take the debug sections out of programs and libraries
    #[arg(long)]
    pub strip: bool,
    /// Leave these files as they are (path or name glob)
    #[arg(long, value_name = "GLOB")]
    pub skip: Vec<String>,
    /// Copy this library of this machine and what it needs into lib/ (soname glob; `runtime` for GCC's libraries)
    #[arg(long, value_name = "GLOB")]
    pub bundle: Vec<String>,
    /// Replace this absolute symlink by what it points to (path glob)
    #[arg(long, value_name = "GLOB")]
    pub copy_link: Vec<String>,
    /// Take setuid, setgid and capabilities away where a program needs a relative run-time path
    #[arg(long)]
    pub drop_setuid: bool,
    /// The path the result will run at: what names the prefix is written for it, and the target needs only tar
    #[arg(long, value_name = "PATH", conflicts_with = "in_place")]
    pub dest: Option<OsString>,
    /// A directory it was built in, to be looked for in the result [default: found in ROOT]
    #[arg(long, value_name = "DIR")]
    pub build_dir: Vec<OsString>,
    /// Keep libtool archives (*.la); they are left out because linking against them names the old prefix
    #[arg(long)]
    pub keep_la: bool,
    /// Do not carry .relocate/bin/relocate in the result, though the target has work left for it
    #[arg(long)]
    pub no_tool: bool,
    /// Write NAME.unproven.tar.gz where the proof fails
    #[arg(long)]
    pub unproven: bool,
    /// A step of a build, which tells itself what came out; only what stops it is told here.
    #[arg(skip)]
    pub is_step: bool,
    /// The program that this one was built with for archives to carry.
    #[arg(skip)]
    pub carried: Option<&'static [u8]>,
    /// What is allowed and demanded.
    #[command(flatten)]
    pub law: LawArgs,
    /// How the archive is written.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// How the archive is written.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Archive")]
pub(super) struct ArchiveArgs {
    /// The directory everything lies in; '' for none [default: OUT without its extension]
    #[arg(long, value_name = "NAME")]
    pub top_dir: Option<OsString>,
    /// Owner of everything: keep, or UID:GID [default: 0:0]
    #[arg(long, value_name = "OWNER")]
    pub owner: Option<String>,
    /// Change permissions, as chmod(1) takes them: u+rwX,go=rX
    #[arg(long, value_name = "MODE")]
    pub chmod: Option<String>,
    /// Compression level: 1-9 for gzip [default: 4], 1-19 for zstd [default: 2]
    #[arg(long, value_name = "N")]
    pub level: Option<i32>,
}

/// `relocate check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// A directory, or an archive made by anybody
    pub tree: PathBuf,
    /// Run a program of the tree at a fresh path with the old prefix hidden: 'bin/prog args'
    #[arg(long, value_name = "COMMAND")]
    pub run: Vec<String>,
    /// The prefix to hide and to look for [default: what the manifest or the tree says]
    #[arg(long, value_name = "DIR")]
    pub old_prefix: Vec<OsString>,
    /// A directory the software was built in, to be looked for too [default: WRKOBJDIR of etc/mk.conf]
    #[arg(long, value_name = "DIR")]
    pub build_dir: Vec<OsString>,
    /// Seconds after which a program that runs is stopped
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
    /// What is allowed and demanded.
    #[command(flatten)]
    pub law: LawArgs,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate install`.
#[derive(Debug, Args)]
pub(super) struct InstallArgs {
    /// The archive
    pub archive: PathBuf,
    /// Where the tree is to be; this very path is written into its files
    pub dest: PathBuf,
    /// Leave the files of this class as they are, where they cannot hold DEST
    #[arg(long, value_name = "CLASS")]
    pub leave: Vec<String>,
    /// Unpack set-user-ID and set-group-ID files too
    #[arg(long)]
    pub allow_setuid: bool,
    /// Read and judge the archive, print what would be done, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate fix`.
#[derive(Debug, Args)]
pub(super) struct FixArgs {
    /// The tree
    pub dir: PathBuf,
    /// The path that its files are to name [default: that of DIR, as typed]
    #[arg(long, value_name = "PATH")]
    pub at: Option<PathBuf>,
    /// The prefix it was built for, where it has no record that says so; it gets one
    #[arg(long, value_name = "DIR")]
    pub old_prefix: Vec<OsString>,
    /// Leave the files of this class as they are, where they cannot hold the path
    #[arg(long, value_name = "CLASS")]
    pub leave: Vec<String>,
    /// Print what would be done and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The same, and exit with 1 where there is something to do
    #[arg(long)]
    pub check: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// A directory or an archive that relocate made, or a directory of releases
    pub tree: PathBuf,
    /// All releases of a directory, not the current one alone
    #[arg(long)]
    pub all: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate elf`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub(super) struct ElfArgs {
    /// Print the run-time path as it was, alone on its line; done too where nothing else is asked for
    #[arg(long)]
    pub print_rpath: bool,
    /// Set the run-time path
    #[arg(long, value_name = "PATH", group = "change")]
    pub set_rpath: Option<OsString>,
    /// Append to the run-time path what is not in it yet
    #[arg(long, value_name = "PATH", group = "change")]
    pub add_rpath: Option<OsString>,
    /// Remove the run-time path
    #[arg(long, group = "change")]
    pub remove_rpath: bool,
    /// Drop entries in which no needed library lies
    #[arg(long, group = "change")]
    pub shrink_rpath: bool,
    /// With --shrink-rpath: keep only entries that begin so (separated by colons)
    #[arg(long, value_name = "PREFIXES", requires = "shrink_rpath")]
    pub allowed_rpath_prefixes: Option<OsString>,
    /// Use DT_RPATH (the same as --tag rpath)
    #[arg(long, conflicts_with = "tag")]
    pub force_rpath: bool,
    /// Use this tag [default: the one the file has, else runpath]
    #[arg(long, value_enum, value_name = "TAG")]
    pub tag: Option<TagArg>,
    /// Write here instead of over FILE (one FILE only)
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print what would be done and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Print errors only
    #[arg(long, short)]
    pub quiet: bool,
    /// When to colour; NO_COLOR is honoured
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// The files; @LIST reads names from LIST, one a line
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<OsString>,
}

/// `relocate demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Keep the directory it works in and say where it is
    #[arg(long)]
    pub keep: bool,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}
