//! Any bytes, any texts: a verdict for each, no panic, and the same one for a text whatever else is asked for beside it.
//!
//! The first byte of the input is the number of texts and four bytes each are their place and length; the rest is the
//! file. What the first text says is also looked for in pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use relocate::elf::{SplitText, Verdict, overwritable};
use std::ops::Range;

fuzz_target!(|input: &[u8]| {
    let Some((count, rest)) = input.split_first() else { return };
    let Some((places, file)) = rest.split_at_checked(usize::from(count % 16) * 4) else { return };
    let number = |bytes: &[u8]| u64::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    let texts: Vec<Range<u64>> =
        places.chunks_exact(4).map(|place| number(place)..number(place) + number(&place[2..]) % 300).collect();
    let Ok(verdicts) = overwritable(&file, &texts) else { return };
    assert_eq!(verdicts.len(), texts.len(), "one verdict for each text");
    for (text, verdict) in texts.iter().zip(&verdicts) {
        if let Verdict::Inside(interior) = verdict {
            assert!(text.start < interior.offset && interior.offset < text.end, "{interior} in {text:?}");
            assert!(interior.at < file.len() as u64, "what leads there stands in the file");
        }
        let alone = overwritable(&file, std::slice::from_ref(text)).expect("as before");
        assert_eq!(alone.first(), Some(verdict), "{text:?}");
    }
    let prefix = texts.first().and_then(|text| file.get(text.start as usize..text.end as usize)).unwrap_or(b"/opt/root/x");
    if let Ok(pieces) = SplitText::new(prefix).find(&file) {
        assert!(pieces.is_sorted());
        assert!(pieces.iter().all(|at| *at < file.len() as u64));
    }
});
