//! How the commands of a build reach servers: proxies and certificates of the environment, mirrors of the recipe, the shared cache, the
//! tree where it is an address.

use super::args::PlaceArgs;
use super::build::{Read, epoch, failure};
use super::building::Building;
use super::exit::Exit;
use super::failure::Failure;
use super::pack::Usage;
use super::report;
use crate::base::child::Cancel;
use crate::base::host;
use crate::build::distfile::{self, Mirror, Present};
use crate::build::job::{JobError, Sources, Wish};
use crate::build::store::{self, Store};
use crate::recipe::Source;
use crate::web::{Settings, Web};
use std::sync::Arc;

/// What a job reaches servers with.
pub(super) struct Reach {
    web: Arc<Web>,
    mirrors: Vec<Mirror>,
}

impl Reach {
    /// As the environment, the recipe and what was typed say.
    pub(super) fn of(read: &Read, places: &PlaceArgs) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::fmt::Display| Failure::from(Usage::new(error.to_string()));
        let mut settings = Settings::from_environment(host::variable).map_err(|error| wrong(&error))?;
        settings.offline |= places.offline || read.recipe.fetch.offline;
        settings.ca_file = places.ca_file.clone().or(settings.ca_file);
        let web = Arc::new(Web::new(&settings).map_err(|error| wrong(&error))?);
        let mirror = |source: &Source| match source {
            Source::Url(url) => Mirror::Url(url.clone()),
            Source::Path(path) => Mirror::Directory(read.directory.join(path)),
        };
        Ok(Self { web, mirrors: read.recipe.fetch.mirrors.iter().map(mirror).collect() })
    }

    /// For a job.
    pub(super) fn sources(&self) -> Sources<'_> {
        Sources { web: &self.web, mirrors: &self.mirrors }
    }

    /// The place that `--cache` names. A server is left out when nothing may be connected to.
    pub(super) fn cache(&self, text: Option<&str>) -> Result<Option<Box<dyn Store>>, Failure> {
        let Some(text) = text else { return Ok(None) };
        let is_server = text.contains("://") && !text.starts_with("file:");
        if is_server && self.web.is_offline() {
            return Ok(None);
        }
        let variable = |name: &str| host::variable(name).and_then(|value| value.into_string().ok());
        let opened = store::open(text, &self.web, &variable);
        opened.map(Some).map_err(|error| Usage::new(format!("--cache: {error}")).into())
    }

    /// The tree's archive, fetched where the recipe names an address; with the sum of the recipe, else of the lock.
    pub(super) fn tree(&self, read: &Read, building: &Building, cancel: &Cancel) -> Result<Option<Present>, Failure> {
        let Source::Url(url) = &read.recipe.tree.from else { return Ok(None) };
        let name = url.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("tree.tar");
        std::fs::create_dir_all(&read.work).map_err(|error| {
            Failure::new(Exit::Environment, format!("cannot make {}: {error}", report::place(&read.work)))
        })?;
        let locked = read.lock.as_ref().filter(|lock| lock.tree.from == *url).and_then(|lock| lock.tree.sha256);
        let options = self.sources().options(&read.work, cancel);
        let file = read.work.join(name);
        let sum = read.recipe.tree.sha256.or(locked);
        let present = distfile::archive(url, sum, &file, &options, building);
        present.map(Some).map_err(|error| failure(&JobError::Fetch(error)))
    }

    /// The job of this recipe, with nothing that a command may ask for besides.
    pub(super) fn wish<'a>(
        &'a self,
        read: &'a Read,
        tree: Option<&'a Present>,
        jobs: Option<u16>,
        (building, cancel): (&'a Building, &'a Cancel),
    ) -> Result<Wish<'a>, Failure> {
        Ok(Wish {
            recipe: &read.recipe,
            directory: &read.directory,
            work: &read.work,
            fetched_tree: tree,
            sources: self.sources(),
            distfiles: &read.distfiles,
            cache: None,
            locked: None,
            kept: read.lock.as_ref(),
            epoch: epoch(read)?,
            jobs: jobs.map_or_else(host::processors, usize::from),
            keep_going: false,
            wait: true,
            listener: building,
            cancel,
        })
    }
}
