//! Virtual environments of the host's Python, moved with an interpreter of the tree.

use super::scripts::host;
use super::tree::{Moved, Tree};
use std::fs;
use std::process::Command;

/// A tree with an interpreter, as much of its library as it needs to start, and an environment made by `venv`.
fn tree() -> Tree {
    let tree = Tree::new();
    tree.program("bin/python3.11", &host("/usr/bin/python3")).link("bin/python3", "python3.11");
    tree.link("lib/python3.11/lib-dynload", "/usr/lib/python3.11/lib-dynload");
    for entry in fs::read_dir("/usr/lib/python3.11").unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !["lib-dynload", "__pycache__", "sitecustomize.py"].contains(&name.as_str()) {
            tree.link(&format!("lib/python3.11/{name}"), entry.path().to_str().unwrap());
        }
    }
    // os.py tells Python where its library is.
    fs::remove_file(tree.old().join("lib/python3.11/os.py")).unwrap();
    fs::copy("/usr/lib/python3.11/os.py", tree.old().join("lib/python3.11/os.py")).unwrap();
    let made = Command::new(tree.old().join("bin/python3"))
        .args(["-m", "venv", "--without-pip"])
        .arg(tree.old().join("envs/one"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let activate = tree.old().join("envs/one/bin/activate");
    let text = fs::read_to_string(&activate).unwrap() + "TCL_LIBRARY='@OLD@/lib/tcl8.6'\n";
    tree.file("envs/one/bin/activate", &text, 0o644);
    tree.file("envs/one/lib/python3.11/site-packages/only_here.py", "here = True\n", 0o644);
    tree.file("envs/one/bin/tool", "#!@OLD@/envs/one/bin/python\nimport sys, only_here\nprint(sys.prefix)\n", 0o755);
    tree
}

fn root(moved: &Moved) -> String {
    fs::canonicalize(&moved.root).unwrap().into_os_string().into_string().unwrap()
}

#[test]
fn an_environment_without_home_finds_the_trees_library_and_its_own() {
    let moved = tree().moved("a b/käse".as_bytes());
    let code = "import sys, only_here, os; print(sys.prefix); print(sys.base_prefix); print(os.__file__)";
    let done = moved.run_with(moved.path("envs/one/bin/python"), &["-c", code], "", |command| {
        command.current_dir("/");
    });
    let root = root(&moved);
    assert_eq!(done.out, format!("{root}/envs/one\n{root}\n{root}/lib/python3.11/os.py\n"), "{done:?}");
    assert_eq!(moved.run(moved.path("envs/one/bin/tool"), &[""; 0]).out, format!("{root}/envs/one\n"));
    let text = moved.text("envs/one/pyvenv.cfg");
    assert!(text.contains("version = 3.11") && text.contains("include-system") && !text.contains("home"), "{text}");
}

#[test]
fn each_shell_activates_the_environment_where_it_lies() {
    let moved = tree().moved("a b's/käse".as_bytes());
    let wanted = format!("{0}/envs/one {0}/envs/one/bin\n", root(&moved));
    let directory = moved.path("envs/one/bin");
    assert!(moved.text("envs/one/bin/activate").ends_with("\nTCL_LIBRARY=\"$_RELOCATED_ENV\"/../../lib/tcl8.6\n"));
    let sh = ". ./activate; echo \"$VIRTUAL_ENV ${PATH%%:*}\"; deactivate; [ -z \"${VIRTUAL_ENV-}\" ]";
    let csh = "set prompt=x; source activate.csh; echo \"$VIRTUAL_ENV $path[1]\"";
    let fish = "source activate.fish; echo $VIRTUAL_ENV $PATH[1]; deactivate; test -z \"$VIRTUAL_ENV\"";
    let shells: &[(&[&str], &str)] = &[
        (&["bash", "-uc"], sh),
        (&["bash", "--posix", "-c"], sh),
        (&["dash", "-uc"], sh),
        (&["busybox", "sh", "-c"], sh),
        (&["ksh", "-c"], sh),
        (&["zsh", "-fc"], sh),
        (&["tcsh", "-fc"], csh),
        (&["fish", "--no-config", "-c"], fish),
    ];
    for (shell, code) in shells {
        let arguments: Vec<_> = shell[1..].iter().copied().chain([*code]).collect();
        let done = moved.run_with(shell[0], &arguments, "", |command| {
            command.current_dir(&directory).env_remove("VIRTUAL_ENV").env("HOME", moved.beside());
        });
        assert_eq!((done.out.as_str(), done.code), (wanted.as_str(), Some(0)), "{shell:?} {done:?}");
    }
}

#[test]
fn environments_that_need_a_fixed_path_are_refused() {
    let tree = Tree::new();
    let text = |version: &str| format!("home = @OLD@/bin\nversion = {version}\n");
    tree.file("bin/python3", "", 0o755);
    for (name, version) in
        [("new", "3.15.0"), ("none", "x"), ("copied", "3.11.2"), ("outside", "3.11.2"), ("odd", "3.11.2")]
    {
        tree.file(&format!("{name}/pyvenv.cfg"), &text(version), 0o644);
    }
    tree.file("copied/bin/python", "", 0o755).link("outside/bin/python", "/usr/bin/python3");
    tree.file("odd/pyvenv.cfg", &format!("{}where = @OLD@/x\n", text("3.11")), 0o644);
    tree.link("odd/bin/python", "../../bin/python3");
    tree.file("odd/bin/activate.nu", "let virtual_env = '@OLD@/odd'\n", 0o644);
    tree.file("odd/bin/activate", "VIRTUAL_ENV=@OLD@/odd\nA=\"x @OLD@/y z\"\n", 0o644);
    tree.file("no-venv/bin/activate", "VIRTUAL_ENV=@OLD@/no-venv\n", 0o644);
    let moved = tree.moved(b"new");
    assert!(moved.refusal("new/pyvenv.cfg").contains("Python 3.15"));
    assert!(moved.refusal("none/pyvenv.cfg").contains("which version"));
    assert!(moved.refusal("copied/pyvenv.cfg").contains("copied/bin/python is no symlink"));
    assert!(moved.refusal("outside/pyvenv.cfg").contains("leads to no interpreter"));
    assert!(moved.refusal("odd/pyvenv.cfg").contains("key 'where'"));
    assert!(moved.refusal("odd/bin/activate.nu").contains("this shell"));
    assert!(moved.refusal("odd/bin/activate").contains("not known"));
    assert_eq!(moved.outcomes["no-venv/bin/activate"], relocate::text::rewrite::Outcome::Same);
}
