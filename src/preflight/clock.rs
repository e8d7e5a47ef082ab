//! The clock, which tells what is fresh.

use super::Seen;
use crate::base::finding::Severity;

/// 2026-01-01: nothing that is to be followed is older.
const FIRST: i64 = 1_767_225_600;
/// When a 32-bit clock ends; one near it was set to nonsense.
const LAST: i64 = 2_145_916_800;

pub(super) fn look(now: i64, seen: &mut Seen) {
    if (FIRST..LAST).contains(&now) {
        return;
    }
    let found = format!(
        "the clock says {now} s since 1970, which cannot be: what is signed looks expired, or as if it came from the future"
    );
    seen.find(Severity::Error, "clock", found, "timedatectl set-ntp true, or date -u -s 'YYYY-MM-DD HH:MM'");
}
