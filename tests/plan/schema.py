"""Reads a plan as YAML and checks it against what its engine demands: schema.py gitlab|argo FILE. Prints each task's name and call."""
import re
import shlex
import sys

import yaml

# https://docs.gitlab.com/ci/jobs/#job-names and https://docs.gitlab.com/ci/yaml/#needs
RESERVED = {"image", "services", "stages", "before_script", "after_script", "variables", "cache", "include", "true", "false",
            "nil", "pages", "default", "workflow", "spec"}
# Kubernetes' names, and Argo's for templates, tasks and parameters.
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
FIELD = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")


def acyclic(needs):
    done = set()
    while len(done) < len(needs):
        ready = {name for name in needs if name not in done and set(needs[name]) <= done}
        assert ready, f"a circle among {set(needs) - done}"
        done |= ready


def gitlab(plan):
    stages = plan.pop("stages")
    assert stages and len(set(stages)) == len(stages)
    for name, job in plan.items():
        assert isinstance(name, str) and 0 < len(name) <= 255 and name not in RESERVED and not name.startswith("."), name
        assert set(job) <= {"stage", "needs", "script"} and job["stage"] in stages, job
        assert job["script"] and all(isinstance(line, str) and line for line in job["script"])
        needs = job.get("needs", [])
        assert len(needs) <= 50 and len(set(needs)) == len(needs), name
        for need in needs:
            assert stages.index(plan[need]["stage"]) <= stages.index(job["stage"]), need
        for line in job["script"]:
            print(name, *shlex.split(line))
    acyclic({name: job.get("needs", []) for name, job in plan.items()})


def argo(plan):
    assert set(plan) == {"apiVersion", "kind", "metadata", "spec"}
    assert (plan["apiVersion"], plan["kind"]) == ("argoproj.io/v1alpha1", "Workflow")
    name = plan["metadata"]["generateName"]
    assert name.endswith("-") and SUBDOMAIN.fullmatch(name + "x") and len(name) <= 58, name
    spec = plan["spec"]
    assert set(spec) == {"entrypoint", "arguments", "volumes", "templates"}
    given = {"workflow.parameters." + parameter["name"] for parameter in spec["arguments"]["parameters"]}
    volumes = {volume["name"] for volume in spec["volumes"]}
    templates = {template["name"]: template for template in spec["templates"]}
    assert len(templates) == len(spec["templates"]) and spec["entrypoint"] in templates
    inputs = {}
    for name, template in templates.items():
        assert FIELD.fullmatch(name) and len({"dag", "container"} & set(template)) == 1
        inputs[name] = {parameter["name"] for parameter in template.get("inputs", {}).get("parameters", [])}
        container = template.get("container")
        if container:
            assert set(container) == {"image", "command", "args", "workingDir", "volumeMounts"}
            assert all(isinstance(word, str) for word in container["command"] + container["args"])
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            known = given | {"inputs.parameters." + parameter for parameter in inputs[name]}
            tags = re.findall(r"\{\{(.*?)\}\}", " ".join([container["image"]] + container["args"]))
            assert set(tags) <= known, tags
    tasks = templates[spec["entrypoint"]]["dag"]["tasks"]
    needs = {task["name"]: task.get("dependencies", []) for task in tasks}
    assert len(needs) == len(tasks)
    acyclic(needs)
    for task in tasks:
        assert FIELD.fullmatch(task["name"]) and set(task) <= {"name", "template", "dependencies", "arguments"}
        parameters = {one["name"]: one["value"] for one in task.get("arguments", {}).get("parameters", [])}
        assert set(parameters) == inputs[task["template"]] and all(isinstance(value, str) for value in parameters.values())
        container = templates[task["template"]]["container"]
        words = [re.sub(r"\{\{inputs\.parameters\.(.*?)\}\}", lambda tag: parameters[tag[1]], word)
                 for word in container["command"] + container["args"]]
        print(task["name"], *(word.replace("$$", "$") for word in words))


with open(sys.argv[2], encoding="utf-8") as file:
    {"gitlab": gitlab, "argo": argo}[sys.argv[1]](yaml.safe_load(file))
