//! `audit.jsonl`: which versions were taken and given up, by whom and when, one line of JSON for each.

use super::home::Home;
use crate::base::write::{self, WriteError};
use crate::release::Version;
use crate::tuf::Moment;
use serde_json::{Map, Value, json};

/// Adds a line, durably; `facts` is an object.
pub(super) fn note(home: &Home, now: Moment, tool: &Version, action: &str, facts: Value) -> Result<(), WriteError> {
    let mut line = Map::new();
    line.insert("time".to_owned(), json!(now.to_string()));
    line.insert("action".to_owned(), json!(action));
    if let Value::Object(facts) = facts {
        line.extend(facts);
    }
    line.insert("uid".to_owned(), json!(rustix::process::geteuid().as_raw()));
    line.insert("tool".to_owned(), json!(tool.to_string()));
    write::append_line(&home.audit(), &Value::Object(line).to_string())
}
