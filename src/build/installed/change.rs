//! Changes to a prefix, one after the other: side by side pkg_add loses rows of the database.
//!
//! Before each change its package is named in `changing` of the work directory; a run that finds the file repairs what it
//! names. After each one the index of files is copied, so that a prefix that goes back some steps has the index it had
//! there: what the tools rebuild has the same rows in another order.

use super::absences::Absences;
use super::same::{is_of_the_moment, placeless};
use super::{DatabaseError, Package, failed, optional, package, read};
use crate::base::child::Cancel;
use crate::base::digest::Digest;
use crate::base::write::{self, WriteError};
use crate::build::cause;
use crate::build::site::{Site, pasteable};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The prefix, as far as packages go.
#[derive(Debug)]
pub struct Prefix<'a> {
    site: &'a Site,
    database: PathBuf,
    cancel: &'a Cancel,
}

impl<'a> Prefix<'a> {
    /// Takes the database that [`super::location`] found.
    pub fn new(site: &'a Site, database: PathBuf, cancel: &'a Cancel) -> Self {
        Self { site, database, cancel }
    }

    /// Its packages by name.
    pub fn packages(&self) -> Result<BTreeMap<String, Package>, DatabaseError> {
        read(&self.database)
    }

    /// Where the database has a package.
    pub fn entry(&self, pkgname: &str) -> PathBuf {
        self.database.join(pkgname)
    }

    /// Adds a binary package.
    pub fn add(&self, file: &Path, pkgname: &str, is_automatic: bool, log: &Path) -> Result<(), DatabaseError> {
        let mut arguments = self.database_argument();
        if is_automatic {
            arguments.push("-A".into());
        }
        arguments.push(file.into());
        self.begin(pkgname)?;
        self.tool("pkg_add", arguments, pkgname, log)?;
        // It exits with 0 where it believes the package to be there.
        if !self.entry(pkgname).join("+CONTENTS").exists() {
            let said = vec![format!("it added no {pkgname}; the binary package is of another name")];
            return Err(DatabaseError::Tool {
                tool: "pkg_add",
                pkgname: pkgname.to_owned(),
                said,
                rerun: String::new(),
                log: log.to_owned(),
            });
        }
        let mut absences = Absences::read(&self.site.work);
        absences.note(pkgname, &package(&self.entry(pkgname))?);
        absences.keep(&self.site.work).map_err(unwritten(&self.site.work))?;
        self.end()
    }

    /// Deletes packages, those that are needed after those that need them. Packages of bootstrap are deleted with force.
    pub fn delete(&self, names: &BTreeSet<String>, log: &Path) -> Result<(), DatabaseError> {
        let packages = self.packages()?;
        let mut left: Vec<(&String, &Package)> = packages.iter().filter(|(name, _)| names.contains(*name)).collect();
        while !left.is_empty() {
            let waits = |(_, package): &(&String, &Package)| {
                package.required_by.iter().any(|above| left.iter().any(|(name, _)| *name == above))
            };
            let (later, now): (Vec<_>, Vec<_>) = left.iter().copied().partition(waits);
            if now.is_empty() {
                return Err(DatabaseError::Knot(later.into_iter().map(|(name, _)| name.clone()).collect()));
            }
            for (name, package) in now.into_iter().rev() {
                let mut arguments = self.database_argument();
                if package.is_preserved {
                    arguments.extend(["-f".into(), "-f".into()]);
                }
                arguments.push(name.into());
                self.begin(name)?;
                self.tool("pkg_delete", arguments, name, log)?;
                self.end()?;
            }
            left = later;
        }
        Ok(())
    }

    /// Puts right what a change cut short left behind: such packages are taken out. Gives their names.
    pub fn repair(&self, log: &Path) -> Result<Vec<String>, DatabaseError> {
        let mut broken = BTreeSet::new();
        if let Some(name) = optional(&self.marker())? {
            broken.insert(String::from_utf8_lossy(&name).trim().to_owned());
        }
        let absences = Absences::read(&self.site.work);
        for (name, package) in self.packages()? {
            let is_whole = package.damage.is_none() && absences.explain(&name, &package);
            if !is_whole && !package.is_preserved {
                broken.insert(name);
            }
        }
        broken.retain(|name| !name.is_empty() && !name.contains('/'));
        for name in &broken {
            self.begin(name)?;
            self.purge(name, log)?;
        }
        if !broken.is_empty() {
            let mut arguments = self.database_argument();
            arguments.push("rebuild".into());
            self.tool("pkg_admin", arguments, "the database", log)?;
        }
        self.end()?;
        Ok(broken.into_iter().collect())
    }

    /// Takes one package out whatever state it is in.
    fn purge(&self, name: &str, log: &Path) -> Result<(), DatabaseError> {
        let entry = self.entry(name);
        if entry.join("+CONTENTS").exists() {
            let mut arguments = self.database_argument();
            arguments.extend(["-f".into(), "-f".into(), name.into()]);
            match self.tool("pkg_delete", arguments, name, log) {
                // Half a package cannot be deleted without complaints; what is left of its entry goes below.
                Ok(()) | Err(DatabaseError::Tool { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match fs::remove_dir_all(&entry) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &entry)(error)),
            _ => {}
        }
        for other in self.packages()?.keys() {
            let path = self.entry(other).join("+REQUIRED_BY");
            let Some(text) = optional(&path)? else { continue };
            let lines = text.split_inclusive(|byte| *byte == b'\n');
            let rest: Vec<u8> = lines.filter(|line| line.trim_ascii() != name.as_bytes()).flatten().copied().collect();
            if rest.is_empty() {
                write::remove(&path).map_err(unwritten(&path))?;
            } else if rest != text {
                write::record(&path, &rest).map_err(unwritten(&path))?;
            }
        }
        Ok(())
    }

    /// Takes from the database what tells the moment, the machine and the directory of a build; `epoch` is seconds since 1970.
    pub fn settle(&self, epoch: i64) -> Result<(), DatabaseError> {
        let date = fixed_date(epoch);
        let mut absences = Absences::default();
        for (name, package) in &self.packages()? {
            // What others' scripts have removed since it was added.
            absences.note(name, package);
            rewrite(&self.entry(name).join("+BUILD_INFO"), |text| {
                placeless(&steady(text, &date), name, &self.site.work)
            })?;
            rewrite(&self.entry(name).join("+PRESERVE"), |text| {
                if text.is_empty() { Vec::new() } else { format!("{date}\n").into_bytes() }
            })?;
        }
        absences.keep(&self.site.work).map_err(unwritten(&self.site.work))
    }

    /// Keeps a copy of the index of files as it is after a step.
    pub fn remember(&self, step: Digest) -> Result<(), DatabaseError> {
        let into = self.copies(step);
        fs::create_dir_all(&into).map_err(failed("make the directory", &into))?;
        copy_index(&self.database, &into).map(drop)
    }

    /// Puts the index back as it was after a step; false where that is not known.
    pub fn recall(&self, step: Digest) -> Result<bool, DatabaseError> {
        let from = self.copies(step);
        if !from.is_dir() {
            return Ok(false);
        }
        copy_index(&from, &self.database)
    }

    fn copies(&self, step: Digest) -> PathBuf {
        self.site.work.join("database").join(&step.to_string()[..16])
    }

    fn marker(&self) -> PathBuf {
        self.site.work.join("changing")
    }

    fn begin(&self, pkgname: &str) -> Result<(), DatabaseError> {
        let marker = self.marker();
        write::record(&marker, pkgname.as_bytes()).map_err(unwritten(&marker))
    }

    fn end(&self) -> Result<(), DatabaseError> {
        let marker = self.marker();
        write::remove(&marker).map_err(unwritten(&marker))
    }

    fn database_argument(&self) -> Vec<std::ffi::OsString> {
        vec!["-K".into(), self.database.clone().into()]
    }

    fn tool(
        &self,
        tool: &'static str,
        arguments: Vec<std::ffi::OsString>,
        pkgname: &str,
        log: &Path,
    ) -> Result<(), DatabaseError> {
        let task = self.site.command(tool, arguments);
        write::Parents::make(log).map_err(unwritten(log))?.keep();
        let ended = task.run_logged(log, self.cancel).map_err(failed("run", &task.program))?;
        if self.cancel.is_cancelled() {
            return Err(DatabaseError::Cancelled);
        }
        if ended.end.is_success() {
            return Ok(());
        }
        let said = cause::tail(&fs::read(log).map_err(failed("read", log))?);
        let (pkgname, rerun) = (pkgname.to_owned(), pasteable(&task));
        Err(DatabaseError::Tool { tool, pkgname, said, rerun, log: log.to_owned() })
    }
}

fn unwritten(path: &Path) -> impl Fn(WriteError) -> DatabaseError {
    let path = path.to_owned();
    move |error| DatabaseError::Io { doing: "change", path: path.clone(), source: io::Error::other(error) }
}

/// Changes a file of the database that is there, and leaves its mode.
fn rewrite(path: &Path, change: impl Fn(&[u8]) -> Vec<u8>) -> Result<(), DatabaseError> {
    let Some(text) = optional(path)? else { return Ok(()) };
    let changed = change(&text);
    if changed == text {
        return Ok(());
    }
    let mode = fs::metadata(path).map_err(failed("look at", path))?.permissions().mode() & 0o7777;
    let looks = write::Looks { mode, mtime: None };
    let write = || {
        let mut file = write::NewFile::instead_of_symlink(path)?;
        io::Write::write_all(&mut file, &changed).map_err(|source| WriteError::Io {
            doing: "write",
            path: path.to_owned(),
            source,
        })?;
        file.looks(looks)?;
        file.commit()
    };
    write().map_err(unwritten(path))
}

/// Copies the index of files, whatever this era calls it; false where there is none.
fn copy_index(from: &Path, into: &Path) -> Result<bool, DatabaseError> {
    let mut is_there = false;
    for entry in fs::read_dir(from).map_err(failed("read", from))? {
        let entry = entry.map_err(failed("read", from))?;
        if entry.file_name().to_string_lossy().starts_with("pkgdb.byfile.") {
            let bytes = fs::read(entry.path()).map_err(failed("read", &entry.path()))?;
            let place = into.join(entry.file_name());
            write::record(&place, &bytes).map_err(unwritten(&place))?;
            is_there = true;
        }
    }
    Ok(is_there)
}

/// `+BUILD_INFO` with a fixed moment and machine.
fn steady(text: &[u8], date: &str) -> Vec<u8> {
    let line = |line: &[u8]| -> Vec<u8> {
        match line {
            _ if !is_of_the_moment(line) => line.to_vec(),
            _ if line.starts_with(b"BUILD_DATE=") => format!("BUILD_DATE={date}").into_bytes(),
            _ => b"BUILD_HOST=localhost".to_vec(),
        }
    };
    text.split(|byte| *byte == b'\n').map(line).collect::<Vec<_>>().join(&b'\n')
}

/// `2014-11-01 12:00:00 +0000`, as `+BUILD_INFO` has dates; seconds since 1970.
pub fn fixed_date(epoch: i64) -> String {
    let (days, second) = (epoch.div_euclid(86400), epoch.rem_euclid(86400));
    // Years that begin in March: the odd day comes last. 719468 days lie between 1 March of year 0 and 1970.
    let shifted = days.saturating_add(719_468);
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let (date, month) = (of_year - (153 * march + 2) / 5 + 1, if march < 10 { march + 3 } else { march - 9 });
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{:02} +0000", second % 60)
}
