//! Perl scripts and modules, run by perl from the moved tree.

use crate::moved::{output, relocate};
use crate::program;
use relocate::text::rewrite::Outcome;
use std::fs;
use std::path::Path;
use std::process::Command;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    program::write(path, text, 0o755);
}

const SCRIPT: &str = r#"#!/usr/bin/perl
# greets
eval 'exec /usr/bin/perl -S $0 ${1+"$@"}'
    if 0;

use strict;
use warnings FATAL => 'all';
use lib (split(/:/, $ENV{GREETLIB} || 'OLD/share/perl5'));
use Greet;
BEGIN {
  my $data = $ENV{'GREET_DATA'} || 'OLD/share/greet';
  print "$data\n";
}
our %at;
$at{'BINDIR'} = "OLD/bin"; # not 'OLD/bin'
my @path = ('OLD/a:OLD/b', "x");
$at{'BINDIR'} = "OLD/bin";
print join(' ', $at{BINDIR}, @path), "\n";
print <<EOF;
my \$x = 'OLD/text';
EOF
print Greet::where(), "\n";

=pod

my $x = 'OLD/pod';

=cut

print "it's $at{BINDIR}\n";
__END__
my $x = 'OLD/end';
"#;
const MODULE: &str =
    "package Greet;\nuse strict;\nour $WHERE ||= $ENV{NONE} || 'OLD/share/locale';\nsub where { $WHERE }\n1;\n";

#[test]
fn a_script_and_its_module_find_the_moved_tree() {
    let scratch = tempfile::tempdir().unwrap();
    let (old, new) = (scratch.path().join("old"), scratch.path().join("new 'place"));
    let was = old.to_str().unwrap();
    write(&old.join("bin/greet"), &SCRIPT.replace("OLD", was));
    write(&old.join("share/perl5/Greet.pm"), &MODULE.replace("OLD", was));
    let before = output(Command::new(old.join("bin/greet")).current_dir("/"));
    let outcomes = relocate(&old, &new, &[&old]);
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::New(_))), "{outcomes:?}");
    let is = fs::canonicalize(&new).unwrap();
    // What a here-document says is left to the step that knows the final path.
    let text = format!("{}/text", is.display());
    let wanted = before.replace(was, is.to_str().unwrap()).replace(&text, &format!("{was}/text"));
    assert_eq!(output(Command::new(new.join("bin/greet")).current_dir("/")), wanted);
    assert_eq!(output(Command::new("perl").arg("bin/greet").current_dir(&new)), wanted);
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(new.join("bin/greet"), &link).unwrap();
    assert_eq!(output(&mut Command::new(link)), wanted);
}

#[test]
fn what_is_no_whole_statement_is_left() {
    for line in [
        "print \"see '@/share'\\n\";",
        "my $x = \"a\n$y = '@/share';\n\" . '' if 0;my $z = q('@/x');",
        "foo('@/share')",
        "my $x = \"@/share/$y\";",
        "my $x = '@/sha\\re';",
        "my $x = m{'} . '@/share';",
        "$x =~ s('@/share')(x);",
    ] {
        let scratch = tempfile::tempdir().unwrap();
        let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
        let first = line.lines().next().unwrap();
        write(&old.join("bin/x"), &format!("#!/usr/bin/perl\n{}\n", first.replace('@', old.to_str().unwrap())));
        let outcomes = relocate(&old, &new, &[&old]);
        assert!(outcomes.values().all(|outcome| *outcome == Outcome::Same), "{line}: {outcomes:?}");
    }
}
