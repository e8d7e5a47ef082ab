//! The log of requests: one line of JSON for each, and one for how it ended.

use super::caller::Caller;
use super::error::DeployError;
use super::request::Request;
use crate::base::write;
use crate::tuf::Moment;
use serde_json::{Map, Value, json};
use std::path::Path;

/// The log, and what stands in each line.
pub(super) struct Journal<'a> {
    pub(super) path: &'a Path,
    pub(super) caller: &'a Caller,
    pub(super) clock: &'a dyn Fn() -> Moment,
    pub(super) tool: &'a str,
}

impl Journal<'_> {
    /// What is no request, or none that could be served.
    pub(super) fn refused(&self, why: &DeployError) -> Result<(), DeployError> {
        self.line("refused", json!({ "why": why.to_string() }))
    }

    /// What became of a request; `facts` is an object.
    pub(super) fn note(&self, result: &str, request: &Request, facts: Value) -> Result<(), DeployError> {
        let mut line = json!({ "app": request.app, "ref": request.reference, "docs": request.docs });
        if let (Value::Object(line), Value::Object(facts)) = (&mut line, facts) {
            line.extend(facts);
        }
        self.line(result, line)
    }

    fn line(&self, result: &str, facts: Value) -> Result<(), DeployError> {
        let mut line = Map::new();
        line.insert("time".to_owned(), json!((self.clock)().to_string()));
        line.insert("result".to_owned(), json!(result));
        if let (Value::Object(facts), Value::Object(caller)) = (facts, json!(self.caller)) {
            line.extend(facts.into_iter().chain(caller));
        }
        line.insert("pid".to_owned(), json!(std::process::id()));
        line.insert("tool".to_owned(), json!(self.tool));
        Ok(write::append_line(self.path, &Value::Object(line).to_string())?)
    }
}
