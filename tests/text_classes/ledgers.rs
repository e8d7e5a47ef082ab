//! What keeps sums of other files.

use super::tree::Tree;

#[test]
fn a_wheels_record_tells_the_truth_about_rewritten_files() {
    let tree = Tree::new();
    let site = "lib/python3.11/site-packages";
    tree.file("bin/python3", "", 0o755).file("bin/tool", "#!@OLD@/bin/python3\nprint(1)\n", 0o755);
    tree.file(&format!("{site}/a,b.py"), "#!@OLD@/bin/python3\n", 0o644).file(&format!("{site}/c.py"), "", 0o644);
    let record = "../../../bin/tool,sha256=old,1\r\n\"a,b.py\",sha256=old,2\nc.py,sha256=kept,0\n\
        @OLD@/bin/tool,,\nw-1.dist-info/RECORD,,\nodd line\n../../../../outside,sha256=x,1";
    tree.file(&format!("{site}/w-1.dist-info/RECORD"), record, 0o644);
    let moved = tree.moved(b"new");
    let sum = |path: &str| {
        let code = "import base64,hashlib,sys;b=open(sys.argv[1],'rb').read();\
            print('sha256=%s,%d'%(base64.urlsafe_b64encode(hashlib.sha256(b).digest()).rstrip(b'=').decode(),len(b)))";
        moved.run("python3", &["-c".as_ref(), code.as_ref(), moved.path(path).as_os_str()]).out.trim().to_owned()
    };
    let text = moved.text(&format!("{site}/w-1.dist-info/RECORD"));
    let lines: Vec<_> = text.split('\n').collect();
    assert_eq!(lines[0], format!("../../../bin/tool,{}\r", sum("bin/tool")));
    assert_eq!(lines[1], format!("\"a,b.py\",{}", sum(&format!("{site}/a,b.py"))));
    assert_eq!(lines[2], "c.py,sha256=kept,0");
    assert_eq!(&lines[4..], ["w-1.dist-info/RECORD,,", "odd line", "../../../../outside,sha256=x,1"]);
}
