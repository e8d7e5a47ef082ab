//! Archives put together block by block, for what no packer would write.

use tar::EntryType;

/// A tar put together block by block, with nothing checked.
#[derive(Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    pub(crate) fn entry(self, kind: u8, name: &[u8], link: &[u8], bytes: &[u8]) -> Self {
        self.sized(kind, name, link, bytes, bytes.len() as u64)
    }

    pub(crate) fn sized(mut self, kind: u8, name: &[u8], link: &[u8], bytes: &[u8], size: u64) -> Self {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
        header.set_entry_type(EntryType::new(kind));
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str) -> Self {
        self.entry(b'0', name.as_bytes(), b"", b"harm")
    }

    pub(crate) fn pax(self, records: &[(&str, &str)]) -> Self {
        let record = |(key, value): &(&str, &str)| {
            let rest = format!(" {key}={value}\n");
            let len = (rest.len() + 1..rest.len() + 9).find(|len| len.to_string().len() + rest.len() == *len).unwrap();
            format!("{len}{rest}")
        };
        self.entry(b'x', b"pax", b"", records.iter().map(record).collect::<String>().as_bytes())
    }

    pub(crate) fn mode(mut self, mode: [u8; 8]) -> Self {
        let at = self.0.len() - 1024;
        let mut header = tar::Header::from_byte_slice(&self.0[at..at + 512]).clone();
        header.as_mut_bytes()[100..108].copy_from_slice(&mode);
        header.set_cksum();
        self.0[at..at + 512].copy_from_slice(header.as_bytes());
        self
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}
