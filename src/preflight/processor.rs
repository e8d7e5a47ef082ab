//! The x86-64 level of a processor (x86-64 psABI, "Micro-Architecture Levels"), by the words of `/proc/cpuinfo`.

/// The words that each level above the first adds. `abm` is LZCNT, `pni` is SSE3.
const LEVELS: [&[&str]; 3] = [
    &["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"],
    &["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"],
    &["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
];

/// The level, 1 to 4; none where the text says nothing about it.
pub(super) fn level(cpuinfo: &str) -> Option<u32> {
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':'))?.1;
    let words: Vec<&str> = flags.split_whitespace().collect();
    let mut level = 1;
    for wanted in LEVELS {
        if !wanted.iter().all(|word| words.contains(word)) {
            break;
        }
        level += 1;
    }
    Some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_needs_all_its_words_and_those_below_it() {
        let second = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3";
        let third = "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave";
        for (words, expected) in [
            ("fpu", 1),
            (second, 2),
            (&format!("{second} {third}"), 3),
            (&format!("{second} avx avx2"), 2),
            (&format!("{third} fpu"), 1),
        ] {
            assert_eq!(level(&format!("model name\t: x\nflags\t\t: {words}\n")), Some(expected), "{words}");
        }
        assert_eq!(level("processor : 0\n"), None);
    }
}
