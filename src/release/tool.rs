//! The tool itself as a repository offers it: one file for each version and platform, fetched and started as it is.

use super::{File, Kind, Version};

/// What the tool is called as an application.
pub const TOOL: &str = "relocate";

/// One version of the tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its version.
    pub version: Version,
    /// The oldest version that can take it; none where any can.
    pub wants: Option<Version>,
    /// Its file in the list.
    pub file: File,
}

impl Tool {
    /// Whether a version can take it.
    pub fn is_for(&self, version: &Version) -> bool {
        self.wants.as_ref().is_none_or(|wants| version >= wants)
    }
}

/// The tools of a list for a platform, sorted by version; of two that say to be the same version the later one counts. One whose
/// versions are not understood is left out.
pub fn tools(files: impl IntoIterator<Item = File>, platform: &str) -> Vec<Tool> {
    let tool = |file: File| {
        let custom = &file.custom;
        if custom.kind != Kind::Tool || custom.app != TOOL || custom.platform != platform {
            return None;
        }
        let version = Version::parse(&custom.version)?;
        let wants = match &custom.min_tool {
            Some(wants) => Some(Version::parse(wants)?),
            None => None,
        };
        Some(Tool { version, wants, file })
    };
    let mut tools: Vec<_> = files.into_iter().filter_map(tool).collect();
    let order = |tool: &Tool| (tool.version.clone(), std::cmp::Reverse(tool.file.custom.serial));
    tools.sort_by_key(order);
    tools.dedup_by(|later, first| later.version == first.version);
    tools
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::release::Custom;

    fn file(serial: u32, version: &str, change: impl Fn(&mut Custom)) -> File {
        let text = format!(
            r#"{{"app":"relocate","serial":{serial},"version":"{version}","channels":["stable"],"platform":"x86_64-linux","kind":"tool"}}"#
        );
        let mut custom: Custom = serde_json::from_str(&text).unwrap();
        change(&mut custom);
        File { name: format!("relocate-{serial}.tool"), length: 1, sha256: Digest::of(&[serial as u8]), custom }
    }

    #[test]
    fn tools_are_sorted_by_version_and_what_is_none_is_left_out() {
        let files = [
            file(3, "0.10.0", |_| {}),
            file(4, "0.9.1", |custom| custom.min_tool = Some("0.9.0".to_owned())),
            file(5, "0.9.1", |_| {}),
            file(6, "1.0.0", |custom| custom.kind = Kind::Full),
            file(7, "1.0.0", |custom| custom.app = "other".to_owned()),
            file(8, "1.0.0", |custom| custom.platform = "aarch64-linux".to_owned()),
            file(9, "1.0", |_| {}),
            file(10, "1.0.0", |custom| custom.min_tool = Some("soon".to_owned())),
        ];
        let found = tools(files, "x86_64-linux");
        let serials: Vec<_> = found.iter().map(|tool| tool.file.custom.serial).collect();
        assert_eq!(serials, [5, 3]);
        let of = |version: &str| Version::parse(version).unwrap();
        let wants = tools([file(4, "0.9.1", |custom| custom.min_tool = Some("0.9.0".to_owned()))], "x86_64-linux");
        assert!(wants[0].is_for(&of("0.9.0")) && !wants[0].is_for(&of("0.8.9")) && found[0].is_for(&of("0.0.1")));
    }
}
