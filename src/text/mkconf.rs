//! `etc/mk.conf` of a pkgsrc prefix: where bootstrap wrote the prefix down as LOCALBASE, and people where they build.

/// Reads the last `LOCALBASE=` of a mk.conf; bmake takes the last assignment. Values with a variable in them are none.
pub fn localbase(text: &[u8]) -> Option<&[u8]> {
    value(text, b"LOCALBASE")
}

/// Reads the last `WRKOBJDIR=`: the directory below which packages were built.
pub fn wrkobjdir(text: &[u8]) -> Option<&[u8]> {
    value(text, b"WRKOBJDIR")
}

fn value<'a>(text: &'a [u8], variable: &[u8]) -> Option<&'a [u8]> {
    let mut assignments = text.split(|byte| *byte == b'\n').filter_map(|line| {
        let rest = line.trim_ascii().strip_prefix(variable)?.trim_ascii_start();
        let value =
            rest.strip_prefix(b"?=").or_else(|| rest.strip_prefix(b":=")).or_else(|| rest.strip_prefix(b"="))?;
        let value = value.split(|byte| *byte == b'#').next()?.trim_ascii();
        (!value.is_empty() && !value.contains(&b'$')).then_some(value)
    });
    assignments.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_plain_assignment_counts() {
        let text = b"# LOCALBASE=/no\n.ifdef BSD_PKG_MK\nLOCALBASE=\t/usr/pkg\nLOCALBASE =  /home/ourapp/root # here\nVARBASE= /x\n";
        assert_eq!(localbase(text), Some(&b"/home/ourapp/root"[..]));
        assert_eq!(localbase(b"LOCALBASE=${HOME}/pkg\n"), None);
        assert_eq!(localbase(b"LOCALBASED=/x\n"), None);
        assert_eq!(wrkobjdir(b"WRKOBJDIR=\t/var/tmp/work\n"), Some(&b"/var/tmp/work"[..]));
    }
}
