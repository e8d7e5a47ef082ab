//! What a request wants, as far as the policy lets whoever asks have it. Nothing is looked up before that is known, and an application
//! or commit that may not be had and one that is not there are the same answer.

use super::caller::Caller;
use super::error::DeployError;
use super::git::Repository;
use super::policy::{App, Policy};
use super::request::{Request, is_commit};

/// An application, and what may be deployed of it for this request.
pub(super) struct Wanted<'a> {
    /// The application.
    pub(super) app: &'a App,
    caller: &'a Caller,
    request: &'a Request,
    reference: Reference,
}

/// What was asked for.
enum Reference {
    /// Full names, one of which is meant.
    Names(Vec<String>),
    /// A commit, which a ref that is allowed must have.
    Commit(String),
    /// The branch that the repository calls its own.
    Head,
}

impl<'a> Wanted<'a> {
    /// What the policy lets this caller have of it.
    pub(super) fn of(policy: &'a Policy, caller: &'a Caller, request: &'a Request) -> Result<Self, DeployError> {
        request.check()?;
        let what = |reference: Option<&str>| {
            let docs = if request.docs { " with its documentation" } else { "" };
            reference.map_or_else(
                || format!("'{}'{docs}", request.app),
                |name| format!("'{}' from '{name}'{docs}", request.app),
            )
        };
        let denied = |reference| DeployError::Denied { caller: caller.to_string(), what: what(reference) };
        let app = policy.apps.get(&request.app).filter(|app| app.knows(caller));
        let app = app.ok_or_else(|| denied(None))?;
        let asked = request.reference.as_deref().or(app.reference.as_deref());
        let reference = match asked {
            None => Reference::Head,
            Some(id) if is_commit(id) => Reference::Commit(id.to_owned()),
            Some(name) => {
                let names = if name.starts_with("refs/") {
                    vec![name.to_owned()]
                } else {
                    vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")]
                };
                let names: Vec<_> = names.into_iter().filter(|name| app.permits(caller, name, request.docs)).collect();
                if names.is_empty() {
                    return Err(denied(Some(name)));
                }
                Reference::Names(names)
            }
        };
        if request.docs && app.docs.is_empty() {
            return Err(DeployError::NoDocs { app: request.app.clone() });
        }
        Ok(Self { app, caller, request, reference })
    }

    /// The commit that is meant, and the full name it goes by.
    pub(super) fn commit(&self, git: &Repository<'_>) -> Result<(Option<String>, String), DeployError> {
        let request = self.request;
        let none = |name: &str| DeployError::NoRef { reference: name.to_owned() };
        let denied = |name: &str| DeployError::Denied {
            caller: self.caller.to_string(),
            what: format!("'{}' from '{name}'", request.app),
        };
        match &self.reference {
            Reference::Head => {
                let head = git.head()?;
                if !self.app.permits(self.caller, &head, request.docs) {
                    return Err(denied(&head));
                }
                let commit = git.of_ref(&head)?.ok_or_else(|| none(&head))?;
                Ok((Some(head), commit))
            }
            Reference::Names(names) => {
                let mut found: Option<(Option<String>, String)> = None;
                for name in names {
                    let Some(commit) = git.of_ref(name)? else { continue };
                    match &found {
                        Some((_, other)) if *other != commit => {
                            return Err(DeployError::Ambiguous {
                                reference: request.reference.clone().unwrap_or_default(),
                            });
                        }
                        Some(_) => {}
                        None => found = Some((Some(name.clone()), commit)),
                    }
                }
                found.ok_or_else(|| {
                    none(request.reference.as_deref().or(names.first().map(String::as_str)).unwrap_or_default())
                })
            }
            Reference::Commit(id) => {
                let commit = git.commit(id)?;
                for name in git.refs()?.iter().filter(|name| self.app.permits(self.caller, name, request.docs)) {
                    if commit.as_ref().is_some_and(|commit| commit == id) && git.reaches(name, id)? {
                        return Ok((None, id.clone()));
                    }
                }
                // Whether a commit is there that may not be deployed is nobody's business.
                Err(denied(id))
            }
        }
    }
}
