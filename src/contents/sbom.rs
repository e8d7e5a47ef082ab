//! The bill of materials: takes what is in a tree, gives CycloneDX 1.5 in JSON. It has no serial number and no clock, so that the
//! same tree gives the same bytes. Source: the CycloneDX 1.5 JSON reference; package URLs as ECMA-427 has them.

use super::package::{Kind, Package};
use super::{Contents, Why};
use serde::Serialize;
use std::collections::BTreeSet;

/// What the bill is of.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The name of the archive or tree, without its ending.
    pub name: &'a str,
    /// The version of this tool, which made it.
    pub tool_version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bill<'a> {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    metadata: Metadata<'a>,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    tools: Tools<'a>,
    component: Whole<'a>,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: [Tool<'a>; 1],
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    name: &'static str,
    version: &'a str,
}

#[derive(Serialize)]
struct Whole<'a> {
    r#type: &'static str,
    #[serde(rename = "bom-ref")]
    reference: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    r#type: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<License>,
    purl: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct License {
    license: Named,
}

/// Licences are told by name: those of pkgsrc (`modified-bsd`) are no SPDX identifiers.
#[derive(Serialize)]
struct Named {
    name: String,
}

#[derive(Serialize)]
struct Reference {
    r#type: &'static str,
    url: String,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    r#ref: String,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    depends_on: BTreeSet<String>,
}

/// The bill of materials of `contents`, ended by a newline.
pub fn cyclonedx(contents: &Contents, subject: Subject<'_>) -> serde_json::Result<Vec<u8>> {
    let mut bill = Bill {
        bom_format: "CycloneDX",
        spec_version: "1.5",
        version: 1,
        metadata: Metadata {
            tools: Tools {
                components: [Tool { r#type: "application", name: "relocate", version: subject.tool_version }],
            },
            component: Whole { r#type: "application", reference: "tree", name: subject.name },
        },
        components: contents.packages.iter().map(component).collect(),
        dependencies: contents.packages.iter().map(|package| dependency(contents, package)).collect(),
    };
    let wanted = contents.packages.iter().filter(|package| matches!(package.why, Why::Requested));
    bill.dependencies.push(Dependency { r#ref: "tree".to_owned(), depends_on: wanted.map(purl).collect() });
    // A reference is unique: a distribution may lie in two directories of one tree.
    bill.components.dedup_by(|a, b| a.reference == b.reference);
    bill.dependencies.sort_by(|a, b| a.r#ref.cmp(&b.r#ref));
    bill.dependencies.dedup_by(|a, b| a.r#ref == b.r#ref);
    let mut bytes = serde_json::to_vec_pretty(&bill)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn component(package: &Package) -> Component {
    let options = package.options.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut properties = Vec::new();
    properties.extend(package.pkgpath.clone().map(|value| Property { name: "pkgsrc:pkgpath", value }));
    if !options.is_empty() {
        properties.push(Property { name: "pkgsrc:options", value: options });
    }
    let libraries = package.host_libraries.iter().cloned();
    properties.extend(libraries.map(|value| Property { name: "pkgsrc:requires", value }));
    Component {
        r#type: if package.programs { "application" } else { "library" },
        reference: purl(package),
        name: package.name.clone(),
        version: package.version.clone(),
        description: package.comment.clone(),
        licenses: package.license.iter().map(|name| License { license: Named { name: name.clone() } }).collect(),
        purl: purl(package),
        external_references: package
            .homepage
            .iter()
            .map(|url| Reference { r#type: "website", url: url.clone() })
            .collect(),
        properties,
    }
}

fn dependency(contents: &Contents, package: &Package) -> Dependency {
    let depends = package.depends.iter().filter_map(|name| contents.package(name));
    Dependency { r#ref: purl(package), depends_on: depends.map(purl).collect() }
}

/// The package URL. pkgsrc has no type of its own: it is `generic`, with the pkgpath as a qualifier.
fn purl(package: &Package) -> String {
    let name = escaped(&package.name);
    let version = escaped(&package.version);
    match package.kind {
        Kind::Wheel => format!("pkg:pypi/{}@{version}", escaped(&package.name.to_lowercase().replace('_', "-"))),
        Kind::Pkgsrc => match &package.pkgpath {
            Some(path) => format!("pkg:generic/pkgsrc/{name}@{version}?pkgpath={}", escaped(path)),
            None => format!("pkg:generic/pkgsrc/{name}@{version}"),
        },
    }
}

/// Percent-encodes all but the characters a package URL leaves as they are.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
