//! Python's own build configuration, and the files that add to its path.

use super::scripts::BAD;
use super::tree::{Moved, Tree};
use std::ffi::OsStr;
use std::fs;
use std::process::Command;

const DATA: &str = "# system configuration\nbuild_time_vars = {'BINDIR': '@OLD@/bin',\n 'CC': 'gcc',\n \
    'CONFIG_ARGS': \"'--prefix=@OLD@' '--with-openssl=@OLD@' \"\n                \"'CFLAGS=-I@OLD@/include'\",\n \
    'DESTDIRS': '@OLD@ @OLD@/lib '\n             '@OLD@/lib/python3.11',\n 'ODD': 'it\\'s # @OLD@',\n \
    'LDFLAGS': '-L@OLD@/lib -Wl,-rpath,@OLD@/lib',\n 'WASM': '.@OLD@/x',\n 'prefix': '@OLD@'}\n";

fn python(moved: &Moved, directory: &str, code: &str) -> String {
    let arguments = [OsStr::new("-B"), "-c".as_ref(), code.as_ref()];
    let done = moved.run_with("/usr/bin/python3", &arguments, "", |command| {
        command.current_dir(moved.path(directory));
    });
    assert_eq!((done.err.as_str(), done.code), ("", Some(0)), "{done:?}");
    done.out
}

#[test]
fn sysconfigdata_computes_its_directories() {
    let tree = Tree::new();
    tree.file("lib/python3.11/_sysconfigdata__linux.py", DATA, 0o644);
    // A newline in a path cannot be told to distutils in a list of flags.
    let moved = tree.moved(b"a b/$HOME `id` 'q\" \\x * #;/root");
    let code = "import os, shlex, sys; sys.path.insert(0, os.getcwd()); import _sysconfigdata__linux as s\n\
        v = s.build_time_vars; root = os.path.dirname(os.path.dirname(os.getcwd()))\n\
        assert v['prefix'] == root and v['BINDIR'] == root + '/bin', v\n\
        assert shlex.split(v['LDFLAGS'])[0] == '-L' + root + '/lib', v['LDFLAGS']\n\
        assert shlex.split(v['DESTDIRS']) == [root, root + '/lib', root + '/lib/python3.11'], v['DESTDIRS']\n\
        assert v['WASM'] == '.' + root + '/x' and v['ODD'].startswith(\"it's # \") and len(v) == 8\n";
    python(&moved, "lib/python3.11", code);
    // Executed without being imported, it takes the library of the interpreter that executes it.
    let text = "d = {}; exec(open('_sysconfigdata__linux.py').read(), d); print(d['build_time_vars']['BINDIR'])";
    assert_eq!(python(&moved, "lib/python3.11", text), "/usr/bin\n");
}

#[test]
fn sysconfigdata_of_another_shape_is_refused() {
    let tree = Tree::new();
    for (at, text) in [
        "x = '@OLD@'\n",
        "build_time_vars = {'a': r'@OLD@'}\n",
        "build_time_vars = {'a': '@OLD@\n",
        "# @OLD@\nbuild_time_vars = {'a': '@OLD@'}\n",
        "build_time_vars = {}\n# @OLD@\n",
    ]
    .iter()
    .enumerate()
    {
        tree.file(&format!("lib/_sysconfigdata{at}.py"), text, 0o644);
    }
    let moved = tree.moved(b"new");
    for at in 0..5 {
        assert!(!moved.refusal(&format!("lib/_sysconfigdata{at}.py")).is_empty());
    }
}

#[test]
fn pythons_makefile_works_for_make_and_for_sysconfig() {
    let tree = Tree::new();
    let text = "prefix=\t@OLD@\nexec_prefix=${prefix}\nLIBDIR=\t$(exec_prefix)/lib\nFLAGS=-I@OLD@/include\nVERSION=3.11\n\
        all:\n\t@echo '$(LIBDIR) $(FLAGS)'\n";
    tree.file("lib/python3.11/config-3.11-x/Makefile", text, 0o644);
    let moved = tree.moved(b"new$$x");
    let makefile = moved.path("lib/python3.11/config-3.11-x/Makefile");
    let root = moved.root.to_str().unwrap().to_owned();
    for (directory, file) in
        [("/", makefile.as_os_str()), (makefile.parent().unwrap().to_str().unwrap(), "Makefile".as_ref())]
    {
        let done = moved.run_with("make", &["-sf".as_ref(), file], "", |command| {
            command.current_dir(directory);
        });
        assert_eq!(done.out, format!("{root}/lib -I{root}/include\n"), "{done:?}");
    }
    let parsed = python(
        &moved,
        "lib/python3.11/config-3.11-x",
        "import sysconfig; d = {}\n\
        sysconfig._parse_makefile('Makefile', d); print(d['VERSION'], d['LIBDIR'])",
    );
    assert_eq!(parsed, "3.11 /lib\n");
}

#[test]
fn paths_for_python_lead_from_the_file() {
    let tree = Tree::new();
    let site = "lib/python3.11/site-packages";
    tree.file("src/pkg/one.py", "", 0o644).file(&format!("{site}/sub/two.py"), "", 0o644);
    tree.file("import me/three.py", "", 0o644).file("src/pkg/__init__.py", "", 0o644);
    tree.file(&format!("{site}/a.pth"), "# of @OLD@/x\n@OLD@/src/pkg\n\n@OLD@/lib/../lib/python3.11/site-packages/sub  \n@OLD@/import me\n@OLD@/not/yet", 0o644);
    tree.file(&format!("{site}/b.pth"), "import sys; sys.path.append('@OLD@/x')\n", 0o644);
    tree.file(&format!("{site}/pkg.egg-link"), "@OLD@/src/pkg\n.", 0o644);
    tree.file("lib/python3.11/distutils/distutils.cfg", "[build_ext]\ninclude_dirs=@OLD@/include\n", 0o644);
    let finder = "from __future__ import annotations\nMAPPING: dict[str, str] = {'pkg': '@OLD@/src/pkg', \"o\": \"@OLD@\"}\n\
        NAMESPACES: dict[str, list[str]] = {'n': ['@OLD@/src']}\n";
    tree.file(&format!("{site}/__editable___pkg_1_finder.py"), finder, 0o644);
    tree.file(&format!("{site}/__editable___no_1_finder.py"), "M = {'a': 'b' '@OLD@'}\n", 0o644);
    let moved = tree.moved(BAD);
    let code = format!(
        "import site, os, sys; here = os.getcwd(); site.addsitedir(os.path.join(here, '{site}')); import one, two, three\n\
         sys.path.insert(0, os.path.join(here, '{site}')); import __editable___pkg_1_finder as f\n\
         assert f.MAPPING == {{'pkg': here + '/src/pkg', 'o': here}} and f.NAMESPACES == {{'n': [here + '/src']}}"
    );
    fs::remove_file(moved.path(&format!("{site}/b.pth"))).unwrap();
    python(&moved, "", &code);
    assert_eq!(
        moved.text(&format!("{site}/a.pth")),
        "#\n../../../src/pkg\n\nsub  \n../../../import me\n../../../not/yet"
    );
    assert_eq!(moved.text(&format!("{site}/pkg.egg-link")), "../../../src/pkg\n.");
    assert!(moved.refusal(&format!("{site}/b.pth")).contains("line of code"));
    assert!(moved.refusal(&format!("{site}/__editable___no_1_finder.py")).contains("outside"));
    assert!(moved.refusal("lib/python3.11/distutils/distutils.cfg").contains("as they stand"));
}

#[test]
fn python_config_finds_the_prefix_it_lies_in() {
    let tree = Tree::new();
    let text = "#!/bin/sh\ninstalled_prefix ()\n{\n    RESULT=$(dirname $(cd $(dirname \"$1\") && pwd -P))\n    echo $RESULT\n}\n\
        prefix_real=$(installed_prefix \"$0\")\n\nprefix=\"@OLD@\"\nlibdir=$(echo \"@OLD@/lib\" | sed \"s#$prefix#$prefix_real#\")\n\
        LIBS=\"-L@OLD@/lib -lm\"\necho \"$libdir $LIBS\"\n";
    tree.file("bin/python3.11-config", text, 0o755);
    tree.file("bin/python3.12-config", &text.replace("prefix_real=", "x='@OLD@'; prefix_real="), 0o755);
    tree.file("bin/python3.13-config", &format!("{text}y='@OLD@'\n"), 0o755);
    let moved = tree.moved(b"a b");
    let root = moved.root.to_str().unwrap().to_owned();
    let link = moved.beside().join("link");
    std::os::unix::fs::symlink(moved.path("bin/python3.11-config"), &link).unwrap();
    for program in [moved.path("bin/python3.11-config"), link] {
        assert_eq!(moved.run(program, &[""; 0]).out, format!("{root}/lib -L{root}/lib -lm\n"));
    }
    assert!(moved.refusal("bin/python3.12-config").contains("before"));
    assert!(moved.refusal("bin/python3.13-config").contains("single quotes"));
}

/// The files that Debian's Python builds extensions with, in a tree that thinks it was built elsewhere.
#[test]
fn an_extension_is_built_where_the_tree_lies() {
    let tree = Tree::new();
    let found = Command::new("/usr/bin/python3")
        .args(["-c", "import sysconfig; print(sysconfig._get_sysconfigdata_name())"])
        .output()
        .unwrap();
    let name = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    let text = fs::read_to_string(format!("/usr/lib/python3.11/{name}.py")).unwrap();
    let text = text.replace("'/usr/", "'@OLD@/").replace("-I/usr/", "-I@OLD@/").replace("-L/usr/", "-L@OLD@/");
    let flagged = text.replacen("'LDSHARED': '", "'LDSHARED': 'x86_64-linux-gnu-gcc -shared -L@OLD@/lib ' '", 1);
    let flagged = flagged.replace("' 'x86_64-linux-gnu-gcc -shared", "' '");
    tree.file(&format!("lib/python3.11/{name}.py"), &flagged, 0o644);
    tree.file("src/m.c", "#include <Python.h>\nint answer(void);\nstatic struct PyModuleDef d = {PyModuleDef_HEAD_INIT, \"m\", 0, -1, 0};\n\
        PyMODINIT_FUNC PyInit_m(void) { return answer() ? PyModule_Create(&d) : 0; }\n", 0o644);
    tree.file("src/answer.c", "int answer(void) { return 42; }\n", 0o644);
    tree.file(
        "src/setup.py",
        "from setuptools import setup, Extension\n\
        setup(name='m', version='1', ext_modules=[Extension('m', ['m.c'], libraries=['answer'])])\n",
        0o644,
    );
    tree.link("include/python3.11", "/usr/include/python3.11");
    let moved = tree.moved(b"sp ace's $x");
    let built = moved.run(
        "gcc",
        &["-shared", "-fPIC", "-o"]
            .map(OsStr::new)
            .into_iter()
            .chain([moved.path("lib/libanswer.so").as_os_str(), moved.path("src/answer.c").as_os_str()])
            .collect::<Vec<_>>(),
    );
    assert_eq!(built.code, Some(0), "{built:?}");
    let done = moved.run_with("/usr/bin/python3", &["setup.py", "-q", "build_ext", "--inplace"], "", |command| {
        command.current_dir(moved.path("src")).env("PYTHONPATH", moved.path("lib/python3.11"));
    });
    assert_eq!(done.code, Some(0), "{done:?}");
    let loaded = moved.run_with("/usr/bin/python3", &["-c", "import m; print(m.__name__)"], "", |command| {
        command.current_dir(moved.path("src")).env("LD_LIBRARY_PATH", moved.path("lib"));
    });
    assert_eq!(loaded.out, "m\n", "{loaded:?}");
}
