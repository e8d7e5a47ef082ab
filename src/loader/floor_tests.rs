//! The floor of objects written by hand.

use super::*;
use crate::loader::object::Arch;

fn object(needs: &[(&str, &str, Option<&str>)]) -> Object {
    let need = |(file, version, symbol): &(&str, &str, Option<&str>)| VersionNeed {
        file: file.as_bytes().to_vec(),
        version: version.as_bytes().to_vec(),
        weak: false,
        symbol: symbol.map(|symbol| symbol.as_bytes().to_vec()),
    };
    Object {
        arch: Arch::X86_64,
        fixed_address: false,
        pie: false,
        no_default_lib: false,
        interp: None,
        soname: None,
        needed: vec![],
        filters: vec![],
        auxiliaries: vec![],
        rpath: None,
        runpath: None,
        version_needs: needs.iter().map(need).collect(),
        version_definitions: vec![],
        kernel: None,
        isa_level: None,
        text_relocations: false,
        executable_stack: false,
    }
}

fn floor_of(files: &[(&str, Object)]) -> Floor {
    let files: Vec<_> = files.iter().map(|(path, object)| (RelPath::new(path.as_bytes()).unwrap(), object)).collect();
    floor(files.iter().map(|(path, object)| (path, *object)), &|name| name != b"libstdc++.so.6")
}

fn told(demand: Option<&Demand>) -> (&str, String, Option<&str>) {
    let demand = demand.expect("there is a demand");
    (&demand.name, demand.file.to_string(), demand.symbol.as_deref())
}

#[test]
fn the_highest_version_by_number_counts() {
    let files = [
        ("bin/a", object(&[("libc.so.6", "GLIBC_2.9", Some("pipe2")), ("libgcc_s.so.1", "GCC_4.8.0", None)])),
        ("bin/b", object(&[("libc.so.6", "GLIBC_2.17", Some("clock_gettime")), ("libgcc_s.so.1", "GCC_7.0.0", None)])),
    ];
    let floor = floor_of(&files);
    assert_eq!(told(floor.glibc.as_ref()), ("GLIBC_2.17", "bin/b".into(), Some("clock_gettime")));
    assert_eq!(told(floor.gcc.as_ref()), ("GCC_7.0.0", "bin/b".into(), None));
    assert_eq!(floor.demands().map(|(kind, _)| kind).collect::<Vec<_>>(), [Kind::Glibc, Kind::Gcc]);
}

#[test]
fn among_equals_the_first_file_in_path_order_is_named_with_its_symbol() {
    let same = |symbol| object(&[("libc.so.6", "GLIBC_2.34", None), ("libm.so.6", "GLIBC_2.34", Some(symbol))]);
    let floor = floor_of(&[("lib/z", same("z")), ("lib/a/b", same("ab")), ("lib/a-c", same("ac"))]);
    assert_eq!(told(floor.glibc.as_ref()), ("GLIBC_2.34", "lib/a/b".into(), Some("ab")));
}

#[test]
fn packed_relative_relocations_count_as_glibc_2_36() {
    let relr = object(&[("libc.so.6", "GLIBC_ABI_DT_RELR", None), ("libc.so.6", "GLIBC_2.34", Some("main"))]);
    let floor = floor_of(&[("bin/relr", relr)]);
    let demand = floor.glibc.unwrap();
    assert_eq!((demand.name.as_str(), demand.version.to_string().as_str()), ("GLIBC_ABI_DT_RELR", "2.36"));
    assert!(floor.unranked.is_empty());
}

#[test]
fn versions_named_after_a_feature_have_a_rank() {
    let rows = [
        ("CXXABI_TM_1", "1.3.7"),
        ("CXXABI_FLOAT128", "1.3.9"),
        ("CXXABI_LDBL_1.3", "1.3"),
        ("CXXABI_ARM_1.3.3", "1.3.3"),
    ];
    for (name, rank) in rows {
        let floor = floor_of(&[("bin/x", object(&[("libsupc++.so", name, None)]))]);
        assert_eq!(floor.cxxabi.map(|demand| demand.version.to_string()).as_deref(), Some(rank), "{name}");
    }
}

#[test]
fn a_library_of_the_tree_and_a_weak_need_demand_nothing() {
    let mut file = object(&[("libstdc++.so.6", "GLIBCXX_3.4.30", None), ("libc.so.6", "GLIBC_2.38", None)]);
    file.version_needs[1].weak = true;
    assert_eq!(floor_of(&[("bin/x", file)]), Floor::default());
}

#[test]
fn versions_without_a_number_are_kept_apart() {
    let needs = [("ld-linux-x86-64.so.2", "GLIBC_PRIVATE", None), ("libc.so.6", "GLIBC_PRIVATE", None)];
    let new = object(&[("libc.so.6", "GLIBC_ABI_GNU2_TLS", None), ("libssl.so.3", "OPENSSL_3.0.0", None)]);
    let floor = floor_of(&[("lib/private.so", object(&needs)), ("lib/new.so", new)]);
    assert_eq!(floor.glibc_private, [RelPath::new(b"lib/private.so").unwrap()]);
    let names: Vec<_> = floor.unranked.iter().map(|held| held.name.as_str()).collect();
    assert_eq!(names, ["GLIBC_ABI_GNU2_TLS"]);
    assert_eq!(floor.glibc, None);
}

#[test]
fn kernel_level_and_both_c_libraries_are_told() {
    let mut glibc = object(&[]);
    glibc.interp = Some(b"/lib64/ld-linux-x86-64.so.2".to_vec());
    (glibc.kernel, glibc.isa_level) = (Some((3, 2, 0)), Some(1));
    let mut musl = object(&[]);
    musl.needed = vec![b"libz.so.1".to_vec(), b"libc.musl-x86_64.so.1".to_vec()];
    (musl.kernel, musl.isa_level) = (Some((2, 6, 32)), Some(3));
    let floor = floor_of(&[("bin/a", musl), ("bin/b", glibc)]);
    assert_eq!(told(floor.kernel.as_ref()), ("Linux 3.2.0", "bin/b".into(), None));
    assert_eq!(told(floor.isa_level.as_ref()), ("x86-64-v3", "bin/a".into(), None));
    let libcs: Vec<_> = floor.libcs.iter().map(|held| (held.libc, held.name.as_str())).collect();
    assert_eq!(libcs, [(Libc::Glibc, "ld-linux-x86-64.so.2"), (Libc::Musl, "libc.musl-x86_64.so.1")]);
}

#[test]
fn a_floor_reads_back_from_json() {
    let mut file = object(&[("libc.so.6", "GLIBC_2.34", Some("puts")), ("libc.so.6", "GLIBC_PRIVATE", None)]);
    file.kernel = Some((3, 2, 0));
    let floor = floor_of(&[("bin/x", file)]);
    let json = serde_json::to_string(&floor).unwrap();
    assert!(
        json.contains(r#""glibc":{"version":"2.34","name":"GLIBC_2.34","file":"bin/x","symbol":"puts"}"#),
        "{json}"
    );
    assert_eq!(serde_json::from_str::<Floor>(&json).unwrap(), floor);
    assert_eq!(serde_json::from_str::<Floor>("{}").unwrap(), Floor::default());
}
