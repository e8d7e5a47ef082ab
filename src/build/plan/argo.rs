//! A workflow of Argo: a graph of tasks of one template, on a volume that they share.

use super::{Plan, list, quoted};
use std::fmt::Write as _;

/// How much of the recipe's name is in that of the workflow, in bytes.
const NAME_LIMIT: usize = 40;

/// The workflow. The image is a parameter; the recipe and the cache lie on the claim `relocate-workspace`.
pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!(
        "# {recipe}, a task for each package: made by 'relocate plan', to be submitted with\n\
         #   argo submit -p image=IMAGE THIS-FILE\n\
         # IMAGE has relocate and the compiler; the claim relocate-workspace, mounted where the tasks work, has the recipe\n\
         # and the cache, and must allow many writers where tasks run on several machines.\n\
         apiVersion: argoproj.io/v1alpha1\n\
         kind: Workflow\n\
         metadata:\n\
         \x20 generateName: {name}\n\
         spec:\n\
         \x20 entrypoint: packages\n\
         \x20 arguments:\n\
         \x20   parameters:\n\
         \x20     - name: image\n\
         \x20 volumes:\n\
         \x20   - name: workspace\n\
         \x20     persistentVolumeClaim:\n\
         \x20       claimName: relocate-workspace\n\
         \x20 templates:\n\
         \x20   - name: packages\n\
         \x20     dag:\n\
         \x20       tasks:\n",
        recipe = plan.recipe,
        name = quoted(&workflow_name(&plan.recipe)),
    );
    for task in &plan.tasks {
        task_text(&mut text, &task.name, "build-one", &plan.names(&task.needs));
        let key = task.key.to_string();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "            arguments:\n              parameters:\n                - name: key\n                  value: {}\n                - name: package\n                  value: {}\n",
            quoted(&key),
            quoted(&task.pkgname),
        );
    }
    task_text(&mut text, "archive", "archive", &plan.names(&plan.ends()));
    text.push_str(
        "    - name: build-one\n      inputs:\n        parameters:\n          - name: key\n          - name: package\n",
    );
    let call = ["build-one", "{{inputs.parameters.key}}", "--package", "{{inputs.parameters.package}}"];
    let one: Vec<String> = call.into_iter().map(str::to_owned).chain(escaped(&plan.words.one)).collect();
    container(&mut text, &one);
    text.push_str("    - name: archive\n");
    container(&mut text, &escaped(&plan.words.last).collect::<Vec<_>>());
    text
}

fn task_text(text: &mut String, name: &str, template: &str, needs: &[&str]) {
    let _ = write!(text, "          - name: {}\n            template: {}\n", quoted(name), quoted(template));
    if !needs.is_empty() {
        let _ = writeln!(text, "            dependencies: {}", list(needs));
    }
}

fn container(text: &mut String, arguments: &[String]) {
    let _ = write!(
        text,
        "      container:\n        image: \"{{{{workflow.parameters.image}}}}\"\n        command: [\"relocate\"]\n        args: {}\n\
         \x20       workingDir: /workspace\n        volumeMounts:\n          - name: workspace\n            mountPath: /workspace\n",
        list(arguments)
    );
}

/// Kubernetes replaces `$(NAME)` in arguments; two dollars are one.
fn escaped(words: &[String]) -> impl Iterator<Item = String> + '_ {
    words.iter().map(|word| word.replace('$', "$$"))
}

/// What the name of a workflow begins with: small letters, digits and `-`, for Kubernetes.
fn workflow_name(recipe: &str) -> String {
    let plain: String =
        recipe.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let plain: String = plain.chars().take(NAME_LIMIT).collect();
    format!("relocate-{}-", plain.trim_matches('-'))
}
