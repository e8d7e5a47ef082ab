//! A makefile for GNU and BSD make: a stamp file a package, named after its key, so that what has changed is called again.

use super::{Plan, shell};
use std::fmt::Write as _;

/// The makefile: `all` has every package in the cache, `archive` makes the archive of them.
pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!(
        "# {}, a target for each package: made by 'relocate plan', for GNU and BSD make.\n\
         #   make -f THIS-FILE -j 8           has every package in the cache\n\
         #   make -f THIS-FILE -j 8 archive   and makes the archive of them\n\
         # Call it from the directory where it was made: relative paths count from there.\n\
         RELOCATE = relocate\n\
         STAMPS = .relocate-plan\n\n",
        plan.recipe
    );
    let stamps = |tasks: &[usize]| {
        let stamps: Vec<String> = plan.names(tasks).iter().map(|name| format!(" $(STAMPS)/{name}")).collect();
        stamps.concat()
    };
    // Writing to a string cannot fail.
    let _ = write!(text, ".PHONY: all archive\nall:{}\n", stamps(&plan.ends()));
    let _ = write!(text, "archive: all\n\t$(RELOCATE) {}\n", line(plan.words.last.iter().map(String::as_str)));
    for task in &plan.tasks {
        let key = task.key.to_string();
        let call = line(plan.call(task, &key));
        let _ = write!(
            text,
            "\n$(STAMPS)/{}:{}\n\t$(RELOCATE) {call}\n\t@mkdir -p $(STAMPS) && touch $@\n",
            task.name,
            stamps(&task.needs),
        );
    }
    text
}

/// A command line of a shell, as make takes it: a dollar begins a variable there.
fn line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    shell(words).replace('$', "$$")
}
