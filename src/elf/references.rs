//! Everything that names a string of the dynamic string table.
//!
//! Takes an image with its dynamic section and gives the offsets of all names, run-time paths apart from the rest, in
//! an order that depends on the file's structure alone, so that two lists of one file before and after an edit can be
//! compared pair by pair. Refuses offsets outside the table. References are what gABI chapter 5, LSB versioning, the
//! prelinker's library list and MIPS's DT_MIPS_IVERSION put there.

use super::dynamic::Dynamic;
use super::facts::tag_of;
use super::image::{ElfError, Image, malformed};
use super::symbols::Symbols;
use super::versions;
use crate::loader::object::Tag;
use object::elf::{
    DT_AUDIT, DT_AUXILIARY, DT_CONFIG, DT_DEPAUDIT, DT_FILTER, DT_GNU_LIBLIST, DT_GNU_LIBLISTSZ, DT_NEEDED, DT_SONAME,
    DynamicTag, EM_MIPS,
};

/// `DT_USED`, Solaris's "like DT_NEEDED"; some tables of tags know no more of it.
const DT_USED: DynamicTag = DynamicTag(0x7fff_fffe);
const DT_MIPS_IVERSION: DynamicTag = DynamicTag(0x7000_0004);
/// Bytes of one entry of the prelinker's library list; its first field is a string offset.
const LIBRARY_SIZE: u64 = 20;

/// The string offsets of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct References {
    /// Of every name that is no run-time path, in structural order, repeated where named twice.
    pub(super) others: Vec<u64>,
    /// Of every DT_RPATH and DT_RUNPATH, in file order.
    pub(super) run_paths: Vec<(Tag, u64)>,
}

impl References {
    /// Collects them all.
    pub(super) fn collect(image: &Image<'_>, dynamic: &Dynamic) -> Result<Self, ElfError> {
        let mut references = Self { others: Vec::new(), run_paths: Vec::new() };
        for entry in &dynamic.entries {
            if let Some(tag) = tag_of(entry.tag) {
                references.run_paths.push((tag, entry.value));
            } else if is_string(entry.tag, image.header.machine) {
                references.others.push(entry.value);
            }
        }
        for need in versions::needs(image, dynamic)? {
            references.others.extend([need.file, need.name]);
        }
        for definition in versions::definitions(image, dynamic)? {
            references.others.extend(definition.names);
        }
        references.add_symbols(image, dynamic)?;
        references.add_libraries(image, dynamic)?;
        references.check(dynamic)?;
        Ok(references)
    }

    fn add_symbols(&mut self, image: &Image<'_>, dynamic: &Dynamic) -> Result<(), ElfError> {
        let Some(symbols) = Symbols::find(image, dynamic)? else { return Ok(()) };
        for batch in symbols.batches(image) {
            self.others.extend(batch?.iter().map(|symbol| u64::from(symbol.name)));
        }
        Ok(())
    }

    fn add_libraries(&mut self, image: &Image<'_>, dynamic: &Dynamic) -> Result<(), ElfError> {
        let (Some(addr), Some(size)) = (dynamic.value(DT_GNU_LIBLIST), dynamic.value(DT_GNU_LIBLISTSZ)) else {
            return Ok(());
        };
        let at = dynamic.offset_of_tag(image, DT_GNU_LIBLIST);
        let (offset, _) =
            image.offset_of(addr).ok_or_else(|| malformed("DT_GNU_LIBLIST points outside every segment", at, addr))?;
        let bytes = image.range("prelinker's library list", offset, size)?;
        let names = bytes.chunks_exact(LIBRARY_SIZE as usize).map(|one| u64::from(image.layout.quad(one)));
        self.others.extend(names);
        Ok(())
    }

    fn check(&self, dynamic: &Dynamic) -> Result<(), ElfError> {
        let size = dynamic.strings.map_or(0, |strings| strings.size);
        let all = self.others.iter().chain(self.run_paths.iter().map(|(_, at)| at));
        match all.max() {
            Some(highest) if *highest >= size => {
                Err(malformed("a name lies outside the dynamic string table", dynamic.offset, *highest))
            }
            _ => Ok(()),
        }
    }
}

fn is_string(tag: DynamicTag, machine: u16) -> bool {
    [DT_NEEDED, DT_SONAME, DT_AUXILIARY, DT_FILTER, DT_AUDIT, DT_DEPAUDIT, DT_CONFIG, DT_USED].contains(&tag)
        || (machine == EM_MIPS.0 && tag == DT_MIPS_IVERSION)
}
