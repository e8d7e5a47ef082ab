//! What was typed of the commands that deploy a commit.

use super::Common;
use clap::Args;
use std::path::PathBuf;

/// `relocate deploy`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(in crate::cli) struct DeployArgs {
    /// Where: as for ssh, such as deploy@www, or the path of a socket on this machine
    pub host: String,
    /// The application, as the policy there names it
    pub app: String,
    /// A branch, a tag, or a whole commit id [default: what the policy says, else the repository's own branch]
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Build its documentation, too
    #[arg(long)]
    pub docs: bool,
    /// Show what happens there, line by line
    #[arg(long, short)]
    pub follow: bool,
    /// Wait for another deploy instead of giving up
    #[arg(long)]
    pub wait: bool,
    /// Say what would be deployed and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What is called as ssh, with options, such as "ssh -p 2222" [default: ssh]
    #[arg(long, value_name = "COMMAND")]
    pub ssh: Option<String>,
    /// Output options.
    #[command(flatten)]
    pub common: Common,
}

/// `relocate serve-deploy`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServeDeployArgs {
    /// Who may deploy what; root or this user owns it, and nobody else may write there
    #[arg(long, value_name = "FILE", default_value = "/etc/relocate/deploy.toml")]
    pub policy: PathBuf,
    /// Who asks: for the forced command of one key in authorized_keys
    #[arg(long = "as", value_name = "NAME", conflicts_with = "socket")]
    pub name: Option<String>,
    /// Standard input is a socket, and whoever is at its other end asks: for a socket of systemd
    #[arg(long, conflicts_with = "post_receive")]
    pub socket: bool,
    /// Standard input is what git tells its post-receive hook; deploys this application where the policy has it so
    #[arg(long, value_name = "APP")]
    pub post_receive: Option<String>,
}
