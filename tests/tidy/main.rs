//! The repository's own rules.

#[cfg(test)]
mod layers;
#[cfg(test)]
mod symptoms;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use crate::layers::Crate;
    use edge_common::abi::maps;
    use edge_user::settings::Config;

    /// The only files in which `unsafe` may stand.
    const UNSAFE: [&str; 10] = [
        "edge-ebpf/src/bench/edges.rs",
        "edge-ebpf/src/bench/state.rs",
        "edge-ebpf/src/frame.rs",
        "edge-ebpf/src/maps.rs",
        "edge-ebpf/src/program.rs",
        "edge-ebpf/src/route.rs",
        "edge-ebpf/src/tables.rs",
        "edge-user/kernel/src/btf.rs",
        "edge-user/kernel/src/memory.rs",
        "edge-user/src/ntp/kernel.rs",
    ];

    /// Columns of the first line of a file.
    const HEAD_COLUMNS: usize = 80;
    /// Columns of a comment.
    const COMMENT_COLUMNS: usize = 100;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// The files that git has or would take.
    fn files() -> Vec<String> {
        let git = Command::new("git")
            .current_dir(root())
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .output()
            .expect("git ls-files");
        assert!(git.status.success(), "git ls-files: {}", git.status);
        let names = String::from_utf8(git.stdout).expect("names are UTF-8");
        let names: Vec<String> = names.lines().map(str::to_owned).collect();
        names.into_iter().filter(|name| root().join(name).is_file()).collect()
    }

    fn sources() -> Vec<(String, String)> {
        let rust = files().into_iter().filter(|name| name.ends_with(".rs"));
        rust.map(|name| {
            let text = fs::read_to_string(root().join(&name)).expect("source");
            (name, text)
        })
        .collect()
    }

    #[test]
    fn every_source_file_says_what_it_is() {
        let silent: Vec<_> = sources()
            .into_iter()
            .filter(|(_, text)| !text.starts_with("//! "))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(silent, [""; 0]);
    }

    #[test]
    fn a_source_file_says_what_it_is_in_a_line_of_eighty_columns() {
        for (name, text) in sources() {
            let first = text.lines().next().unwrap_or_default();
            let columns = first.chars().count();
            assert!(columns <= HEAD_COLUMNS, "{name}:1: {columns} columns: {first}");
        }
    }

    #[test]
    fn a_comment_has_a_hundred_columns_at_most() {
        let is_other = |name: &String| {
            let kinds = [".ci/run", ".toml", ".service", ".yml"];
            kinds.iter().any(|kind| name.ends_with(kind))
        };
        let others: Vec<_> = files().into_iter().filter(is_other).collect();
        assert!(others.iter().any(|name| name == "config/edge.toml"), "{others:?}");
        let others = others.into_iter().map(|name| {
            let text = fs::read_to_string(root().join(&name)).expect("a text");
            (name, text)
        });
        let all = sources().into_iter().map(|source| (source, "//"));
        for ((name, text), mark) in all.chain(others.map(|other| (other, "#"))) {
            for (line, number) in text.lines().zip(1..) {
                let columns = line.chars().count();
                let is_comment = line.trim_start().starts_with(mark);
                assert!(
                    !is_comment || columns <= COMMENT_COLUMNS,
                    "{name}:{number}: {columns} columns"
                );
            }
        }
    }

    #[test]
    fn unsafe_code_stands_only_in_the_listed_files() {
        let this = "tests/tidy/main.rs";
        let found: BTreeSet<_> = sources()
            .into_iter()
            .filter(|(name, text)| {
                let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                name != this
                    && code.any(|line| line.contains("unsafe {") || line.contains("unsafe("))
            })
            .map(|(name, _)| name)
            .collect();
        let listed = UNSAFE.map(str::to_owned).into_iter().collect::<BTreeSet<_>>();
        let surplus: Vec<_> = found.difference(&listed).collect();
        assert!(surplus.is_empty(), "{surplus:?}");
        let stale: Vec<_> = listed.difference(&found).collect();
        assert!(stale.is_empty(), "listed for nothing: {stale:?}");
    }

    #[test]
    fn no_test_is_ignored_or_expects_a_panic() {
        for (name, text) in sources() {
            for attribute in ["#[ignore", "#[should_panic"] {
                let stands = text.lines().any(|line| line.trim_start().starts_with(attribute));
                assert!(!stands, "{name}: {attribute}");
            }
        }
    }

    #[test]
    fn no_module_hides_in_a_mod_rs_and_no_file_is_a_book() {
        for (name, text) in sources() {
            assert!(!name.ends_with("/mod.rs"), "{name}");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            assert!(code.lines().count() <= 500, "{name}: {} lines", code.lines().count());
        }
    }

    #[test]
    fn nothing_compiled_is_committed() {
        for name in files() {
            let mut head = [0; 4];
            let file = fs::read(root().join(&name)).expect("file");
            if let Some(first) = file.first_chunk::<4>() {
                head = *first;
            }
            assert_ne!(head, *b"\x7fELF", "{name}");
        }
    }

    /// The names of all maps, as edge-ebpf defines them.
    fn map_names() -> BTreeSet<String> {
        let text = fs::read_to_string(root().join("edge-ebpf/src/maps.rs")).expect("maps");
        let (_, list) = text.split_once("\nmaps! {\n").expect("the list of maps");
        let (list, _) = list.split_once("\n}\n").expect("its end");
        let names = list.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(':'));
        let is_name = |name: &str| name.starts_with(|first: char| first.is_ascii_uppercase());
        names.map(|(name, _)| name.to_owned()).filter(|name| is_name(name)).collect()
    }

    /// Each crate's root, and the crates of the workspace that it may use, as its manifest says.
    const CRATES: [(&str, &str, &[&str]); 11] = [
        ("edge-common", "edge-common/src/lib.rs", &[]),
        ("edge-ebpf", "edge-ebpf/src/main.rs", &["edge-common"]),
        ("edge-leaves", "edge-user/leaves/src/lib.rs", &[]),
        ("edge-zone", "edge-user/zone/src/lib.rs", &["edge-common", "edge-leaves"]),
        (
            "edge-tables",
            "edge-user/tables/src/lib.rs",
            &["edge-common", "edge-leaves", "edge-zone"],
        ),
        (
            "edge-kernel",
            "edge-user/kernel/src/lib.rs",
            &["edge-common", "edge-leaves", "edge-tables"],
        ),
        (
            "edge-authority",
            "edge-user/authority/src/lib.rs",
            &["edge-common", "edge-tables", "edge-zone"],
        ),
        ("edge-feed", "edge-feed/src/lib.rs", &["edge-leaves"]),
        (
            "edge-user",
            "edge-user/src/lib.rs",
            &[
                "edge-authority",
                "edge-common",
                "edge-feed",
                "edge-kernel",
                "edge-leaves",
                "edge-tables",
                "edge-zone",
            ],
        ),
        (
            "edge-tests",
            "tests/src/lib.rs",
            &[
                "edge-authority",
                "edge-common",
                "edge-feed",
                "edge-kernel",
                "edge-leaves",
                "edge-tables",
                "edge-user",
                "edge-zone",
            ],
        ),
        ("xtask", "xtask/src/main.rs", &[]),
    ];
    /// The folders of edge-user, from the lowest to the highest.
    const FLOORS: [&str; 5] = ["settings", "observe", "ntp", "node", "cli"];

    /// The names in a manifest's section of dependencies.
    fn dependencies(manifest: &str, section: &str) -> BTreeSet<String> {
        let behind = manifest.split(&format!("\n[{section}]\n")).nth(1).unwrap_or_default();
        let lines = behind.lines().take_while(|line| !line.starts_with('['));
        let names = lines.filter_map(|line| line.split(['.', ' ', '=']).next());
        names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
    }

    fn manifest(source: &str) -> String {
        let (folder, _) = source.split_once("/src/").expect("a source");
        fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest")
    }

    #[test]
    fn crates_use_only_those_below_them_and_one_names_aya() {
        for (name, source, wanted) in CRATES {
            let all = dependencies(&manifest(source), "dependencies");
            let own: Vec<&str> = all
                .iter()
                .map(String::as_str)
                .filter(|one| CRATES.iter().any(|(name, ..)| name == one))
                .collect();
            assert_eq!(own, wanted, "{name}");
            let names_aya = all.iter().any(|one| one == "aya" || one == "aya-obj");
            // The benchmark loads programs that the product doesn't have.
            let may = matches!(name, "edge-kernel" | "edge-tests");
            assert!(may || !names_aya, "{name} names aya");
        }
    }

    #[test]
    fn modules_form_no_circle_at_any_depth() {
        let mut found: Vec<String> = Vec::new();
        for (name, source, _) in CRATES {
            let circles = Crate::read(&root().join(source)).circles();
            found.extend(circles.into_iter().map(|circle| format!("{name}: {circle}")));
        }
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn folders_of_the_program_use_only_those_below_them() {
        let program = Crate::read(&root().join("edge-user/src/lib.rs"));
        let found: BTreeSet<&str> = program.top().collect();
        assert_eq!(found, BTreeSet::from(FLOORS));
        assert_eq!(program.upward(&FLOORS), [""; 0]);
    }

    #[test]
    fn the_architecture_page_names_every_crate_module_and_program() {
        let page = fs::read_to_string(root().join("docs/architecture.md")).expect("the page");
        let mut missing = Vec::new();
        for (name, source, _) in CRATES {
            let modules = Crate::read(&root().join(source));
            let modules: Vec<&str> =
                if name == "edge-tests" { Vec::new() } else { modules.top().collect() };
            for word in modules.into_iter().chain([name]) {
                if !page.contains(&format!("`{word}`")) {
                    missing.push(format!("{name}: {word}"));
                }
            }
        }
        for program in [
            maps::PROGRAM,
            maps::GENERAL_PROGRAM,
            maps::NTP_PROGRAM,
            maps::LEASE_PROGRAM,
            maps::PASS_PROGRAM,
        ] {
            if !page.contains(&format!("`{program}`")) {
                missing.push(format!("program {program}"));
            }
        }
        assert_eq!(missing, [""; 0], "not in docs/architecture.md");
    }

    #[test]
    fn a_circle_between_modules_is_found_through_a_re_export() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write("lib.rs", "mod high;\nmod low;\npub use high::Thing;\n#[cfg(test)]\nmod tests;\n");
        write("high.rs", "use crate::low;\npub struct Thing;\nfn f() { low::f() }\n");
        write("low.rs", "mod deep;\npub fn f() {}\n");
        write("low/deep.rs", "pub fn g() {}\n");
        let root = folder.path().join("lib.rs");
        assert_eq!(Crate::read(&root).circles(), [""; 0]);
        assert_eq!(Crate::read(&root).upward(&["low", "high"]), [""; 0]);
        assert_eq!(Crate::read(&root).upward(&["high", "low"]).len(), 1);
        write("low/deep.rs", "pub fn g(_: crate::Thing) {}\n");
        assert_eq!(Crate::read(&root).circles().len(), 2);
        for body in ["super::super::high::f()", "vec![crate::high::f()]"] {
            write("low/deep.rs", &format!("pub fn g() {{ {body} }}\n"));
            assert_eq!(Crate::read(&root).circles().len(), 2, "{body}");
        }
    }

    #[test]
    fn documents_name_only_sources_that_exist() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let folders = ["edge-", "tests/", "xtask/", "fuzz/"];
        let mut missing = Vec::new();
        for name in files().into_iter().filter(|name| name.ends_with(".md")) {
            let text = fs::read_to_string(root().join(&name)).expect("a document");
            for word in text.split(|c| !is_part(c)) {
                let is_source = word.ends_with(".rs") && word.contains('/');
                let is_ours = folders.iter().any(|folder| word.starts_with(folder));
                if is_source && is_ours && !root().join(word).is_file() {
                    missing.push(format!("{name}: {word}"));
                }
            }
        }
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn the_kernel_keeps_map_and_program_names_whole() {
        let found = map_names();
        let named = maps::ZONES.into_iter().chain([
            maps::SHARED,
            maps::CPU,
            maps::SAMPLES,
            maps::SAMPLES_LOST,
            maps::PREFIXES,
            maps::PROGRAMS,
            // Only the program uses it.
            "SCRATCH",
        ]);
        assert_eq!(found, named.map(str::to_owned).collect());
        let programs = [
            maps::PROGRAM,
            maps::GENERAL_PROGRAM,
            maps::NTP_PROGRAM,
            maps::LEASE_PROGRAM,
            maps::PASS_PROGRAM,
        ];
        for name in found.iter().map(String::as_str).chain(programs) {
            assert!(name.len() <= 15, "{name}");
        }
    }

    #[test]
    fn decisions_are_numbered_without_gaps_and_indexed() {
        let folder = root().join("docs/decisions");
        let index = fs::read_to_string(folder.join("README.md")).expect("index");
        let mut pages: Vec<String> = fs::read_dir(&folder)
            .expect("decisions")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name != "README.md")
            .collect();
        pages.sort();
        for (number, page) in (1..).zip(&pages) {
            assert!(page.starts_with(&format!("{number:04}-")), "{page}");
            assert!(index.contains(&format!("({page})")), "{page} isn't in the index");
        }
    }

    #[test]
    fn shipped_configurations_load() {
        for name in files() {
            if name.starts_with("config/")
                && name.ends_with(".toml")
                && let Err(error) = Config::load(&root().join(&name))
            {
                panic!("{error}");
            }
        }
    }
}
