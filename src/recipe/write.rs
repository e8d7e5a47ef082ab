//! A recipe as text with every key in it, defaults too: what a lock or a cache compares, and what reads back as the same
//! recipe.

use super::{Bootstrap, Fetch, Output, OutputOwner, Pack, Package, Recipe, SCHEMA, Smoke, Toolchain, Tree};
use crate::base::path::printable;
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

impl Recipe {
    /// The recipe as TOML; keys are sorted. Reading it gives the same recipe.
    pub fn to_text(&self) -> String {
        let packages: Vec<Value> = self.packages.iter().map(package).collect();
        let options = self.options.iter().map(|(name, words)| (name.clone(), text(&words.join(" "))));
        let links = self.links.iter().map(|(link, target)| (link.to_string(), bytes(target)));
        let table = table([
            ("schema", Some(number(SCHEMA))),
            ("name", Some(text(&self.name))),
            ("packages", Some(Value::Array(packages))),
            ("tree", Some(tree(&self.tree))),
            ("bootstrap", Some(bootstrap(&self.bootstrap))),
            ("toolchain", Some(toolchain(&self.toolchain))),
            ("mk", Some(section([("set", Some(map(&self.mk.set))), ("append", Some(map(&self.mk.append)))]))),
            ("options", Some(Value::Table(options.collect()))),
            ("links", Some(Value::Table(links.collect()))),
            ("keep", Some(section([("requested-only", Some(self.keep.requested_only.into()))]))),
            ("pack", Some(pack(&self.pack))),
            ("smoke", Some(smoke(&self.smoke))),
            ("fetch", Some(fetch(&self.fetch))),
            ("output", Some(output(&self.output))),
        ]);
        table.to_string()
    }
}

type Entry = (&'static str, Option<Value>);

fn table<const N: usize>(entries: [Entry; N]) -> Table {
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn section<const N: usize>(entries: [Entry; N]) -> Value {
    Value::Table(table(entries))
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn bytes(bytes: &[u8]) -> Value {
    // What came from a recipe is UTF-8.
    Value::String(printable(bytes).into_owned())
}

fn path(path: &Path) -> Value {
    Value::String(path.to_string_lossy().into_owned())
}

fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn texts(texts: &[String]) -> Option<Value> {
    let list: Vec<Value> = texts.iter().map(|one| text(one)).collect();
    (!list.is_empty()).then_some(Value::Array(list))
}

fn map(map: &BTreeMap<String, String>) -> Value {
    Value::Table(map.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

fn package(package: &Package) -> Value {
    if package.with.is_empty() {
        return text(package.path.as_str());
    }
    section([("path", Some(text(package.path.as_str()))), ("with", Some(map(&package.with)))])
}

fn tree(tree: &Tree) -> Value {
    let overlays: Vec<Value> = tree.overlays.iter().map(|overlay| path(overlay)).collect();
    section([
        ("from", Some(text(&tree.from.text()))),
        ("sha256", tree.sha256.map(|sum| text(&sum.to_string()))),
        ("overlays", Some(Value::Array(overlays))),
    ])
}

fn bootstrap(bootstrap: &Bootstrap) -> Value {
    section([
        ("prefix", Some(bytes(bootstrap.prefix.as_bytes()))),
        ("unprivileged", Some(bootstrap.unprivileged.into())),
        ("prefer-pkgsrc", Some(text(&bootstrap.prefer_pkgsrc))),
        ("shell", Some(path(&bootstrap.shell))),
        ("jobs", Some(number(bootstrap.jobs.into()))),
        ("arguments", texts(&bootstrap.arguments)),
        ("environment", Some(map(&bootstrap.environment))),
    ])
}

fn toolchain(toolchain: &Toolchain) -> Value {
    section([
        ("cc", toolchain.cc.as_deref().map(text)),
        ("cxx", toolchain.cxx.as_deref().map(text)),
        ("cflags", Some(text(&toolchain.cflags))),
        ("cxxflags", Some(text(&toolchain.cxxflags))),
        ("ldflags", Some(text(&toolchain.ldflags))),
        ("mneeded", Some(text(toolchain.mneeded.word()))),
    ])
}

fn pack(pack: &Pack) -> Value {
    section([
        ("old-prefix", texts(&pack.old_prefix)),
        ("tag", pack.tag.map(|tag| text(tag.word()))),
        ("exclude", texts(&pack.exclude)),
        ("prune", texts(&pack.prune)),
        ("strip", Some(pack.strip.into())),
        ("keep-la", Some(pack.keep_la.into())),
        ("dest", pack.dest.as_deref().map(text)),
        ("skip", texts(&pack.skip)),
        ("bundle", texts(&pack.bundle)),
        ("copy-link", texts(&pack.copy_link)),
        ("drop-setuid", Some(pack.drop_setuid.into())),
        ("allow-lib", texts(&pack.allow_lib)),
        ("allow-missing", texts(&pack.allow_missing)),
        ("allow-link", texts(&pack.allow_link)),
        ("allow-old-path", texts(&pack.allow_old_path)),
        ("build-dir", texts(&pack.build_dir)),
        ("target", pack.target.as_deref().map(text)),
        ("top-dir", pack.top_dir.as_deref().map(text)),
        ("owner", pack.owner.as_deref().map(text)),
        ("chmod", pack.chmod.as_deref().map(text)),
        ("level", pack.level.map(|level| Value::Integer(level.into()))),
    ])
}

fn smoke(smoke: &Smoke) -> Value {
    let commands: Vec<Value> =
        smoke.commands.iter().map(|words| Value::Array(words.iter().map(|word| text(word)).collect())).collect();
    let commands = (!commands.is_empty()).then_some(Value::Array(commands));
    section([("commands", commands), ("timeout", Some(number(smoke.timeout)))])
}

fn fetch(fetch: &Fetch) -> Value {
    let mirrors: Vec<Value> = fetch.mirrors.iter().map(|mirror| text(&mirror.text())).collect();
    section([
        ("mirrors", Some(Value::Array(mirrors))),
        ("offline", Some(fetch.offline.into())),
        ("distfiles", fetch.distfiles.as_deref().map(path)),
    ])
}

fn output(output: &Output) -> Value {
    let owner = output.owner.as_ref().map(|owner| match owner {
        OutputOwner::Like(dir) => text(&format!("like:{}", dir.to_string_lossy())),
        OutputOwner::Ids { uid, gid } => text(&format!("{uid}:{gid}")),
    });
    section([("file", Some(path(&output.file))), ("format", Some(text(output.format.word()))), ("owner", owner)])
}
