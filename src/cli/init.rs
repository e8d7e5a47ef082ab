//! `relocate init`: a commented recipe, where none is yet.

use super::args::InitArgs;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::Usage;
use super::{json, report};
use crate::base::host;
use crate::base::path::Prefix;
use crate::base::write::fresh;
use crate::recipe::{PROPOSED_LENGTH, Recipe, propose_prefix, template};
use report::{GREEN, Table, paint, say, talk};
use std::ffi::OsStr;
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &InitArgs) -> Exit {
    report::colour(args.common.color);
    match write(args) {
        Ok(recipe) => tell(args, &recipe),
        Err(failure) => failure.tell("init", if args.common.json { Json::Stdout } else { Json::None }),
    }
}

/// Writes the recipe and reads it back as `relocate build` will.
fn write(args: &InitArgs) -> Result<Recipe, Failure> {
    let name = args.name.clone().unwrap_or_else(|| name_for(&args.file));
    let prefix = args.prefix.as_ref().map_or_else(|| propose_prefix(&name).to_string(), Clone::clone);
    let (name, prefix) = fit(args, &name, &prefix)?;
    let called = args.file.file_name().unwrap_or_default().to_string_lossy().replace(char::is_control, "?");
    let text = template(&called, &name, &prefix);
    let recipe = Recipe::parse(&text).map_err(|problems| {
        Failure::new(Exit::Bug, format!("the recipe made is none: {}", report::problems(&args.file, &problems)))
    })?;
    fresh(&args.file, text.as_bytes())
        .map_err(|error| Failure::new(Exit::Environment, error.to_string()).help(error.help()))?;
    Ok(recipe)
}

/// What was typed, as a recipe may have it.
fn fit(args: &InitArgs, name: &str, prefix: &str) -> Result<(String, Prefix), Usage> {
    let refused = |option: &str, typed: &str, (what, help): (String, Option<String>)| {
        Usage(format!("{option} {}: {what}", typed.escape_debug()), help)
    };
    let name = Recipe::check_name(name).map_err(|wrong| match &args.name {
        Some(typed) => refused("--name", typed, wrong),
        None => {
            Usage(format!("cannot make a name of the file's: {}", wrong.0), Some("give one with --name".to_owned()))
        }
    })?;
    let prefix = Recipe::check_prefix(prefix).map_err(|wrong| refused("--prefix", prefix, wrong))?;
    Ok((name, prefix))
}

/// The file's name without its extension, else that of its directory; letters that a name cannot have become '-'.
fn name_for(file: &Path) -> String {
    let stem = file.file_stem().filter(|stem| *stem != "recipe").map(OsStr::to_owned);
    let directory = || host::absolute(file).ok()?.parent()?.file_name().map(OsStr::to_owned);
    let plain = |name: &OsStr| {
        let name = name.to_string_lossy();
        let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() || "._+-".contains(c) { c } else { '-' });
        letters.collect::<String>().trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(40).collect()
    };
    let name: String = stem.or_else(directory).as_deref().map(plain).unwrap_or_default();
    if name.is_empty() { "ourapp".to_owned() } else { name }
}

fn tell(args: &InitArgs, recipe: &Recipe) -> Exit {
    let advice = recipe.advice();
    let proposed = args.prefix.is_none();
    if args.common.json {
        say(&json::init(&args.file, recipe, proposed, &advice));
        return Exit::Done;
    }
    if args.common.quiet {
        return Exit::Done;
    }
    let file = report::place(&args.file);
    let prefix = &recipe.bootstrap.prefix;
    let mut table = Table::default();
    table.row("written", file.clone());
    table.row("name", recipe.name.clone());
    table.row("prefix", if proposed { format!("{prefix}\n{}", why()) } else { prefix.to_string() });
    table.row("output", report::place(&recipe.output.file));
    say(&table.text());
    talk(&report::findings(&advice));
    say(&format!("{}\n", paint(GREEN, &format!("name your packages in {file}; then 'relocate build {file}'"))));
    Exit::Done
}

fn why() -> String {
    format!(
        "{PROPOSED_LENGTH} bytes: strings of programs do not grow, so the final path can have as many bytes as this one\n\
         its last part is no word that another string of a program could end in\n\
         below /opt, where no ordinary user of a target can create it"
    )
}
