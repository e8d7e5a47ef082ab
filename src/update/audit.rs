//! `R/.relocate/audit.jsonl`: what was done to the releases of a directory, by whom and when, one line of JSON for each action.

use super::error::UpdateError;
use crate::base::write;
use crate::live::Root;
use crate::tuf::Moment;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// The log of one directory of releases.
pub(super) struct Audit<'a> {
    path: PathBuf,
    clock: &'a dyn Fn() -> Moment,
    tool: &'a str,
}

impl<'a> Audit<'a> {
    pub(super) fn of(root: &Root, clock: &'a dyn Fn() -> Moment, tool: &'a str) -> Self {
        Self { path: root.records().join("audit.jsonl"), clock, tool }
    }

    /// Adds a line, durably; `facts` is an object.
    pub(super) fn note(&self, action: &str, facts: Value) -> Result<(), UpdateError> {
        let mut line = Map::new();
        line.insert("time".to_owned(), json!((self.clock)().to_string()));
        line.insert("action".to_owned(), json!(action));
        if let Value::Object(facts) = facts {
            line.extend(facts);
        }
        line.insert("uid".to_owned(), json!(rustix::process::geteuid().as_raw()));
        line.insert("tool".to_owned(), json!(self.tool));
        Ok(write::append_line(&self.path, &Value::Object(line).to_string())?)
    }

    /// Adds a line about what was not done. The error it is about is the one to hear of.
    pub(super) fn failed(&self, action: &str, error: &UpdateError) {
        let _ = self.note(action, json!({ "result": "failed", "error": error.to_string() }));
    }
}
