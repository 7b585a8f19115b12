//! The arrows between crates and modules, read from manifests and sources.
//!
//! A path in a source file (`use`, or in code) is an arrow from the file's module to the module
//! that the path leads to, through re-exports. Modules that are declared for tests only don't
//! count. Two rules hold: siblings of one folder form no circle, at any depth, and the folders of
//! `edge-user/src` use only those below them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, UseTree};

/// The path of a module, from the crate's root.
pub(crate) type ModulePath = Vec<String>;

/// The modules of a crate and what each of them names.
#[derive(Default)]
pub(crate) struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

/// What the source of one module says.
#[derive(Default)]
struct Module {
    /// Paths as written, of `use` items and of code.
    paths: Vec<Vec<String>>,
    /// Names that a `use` brings into the module, and the path that each stands for.
    names: BTreeMap<String, Vec<String>>,
}

/// Whether an item is compiled for tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                let words = list.tokens.to_string();
                let mut words = words.split(|c: char| !c.is_alphanumeric());
                // `not(test)` is the product's.
                words.clone().all(|word| word != "not") && words.any(|word| word == "test")
            })
    })
}

/// Collects the paths of a module, and the files of its children.
struct Reader<'m> {
    module: &'m mut Module,
    children: Vec<String>,
}

impl Reader<'_> {
    fn use_tree(&mut self, tree: &UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| {
            before.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>()
        };
        match tree {
            UseTree::Path(path) => self.use_tree(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, before);
                }
            }
            UseTree::Name(name) if name.ident == "self" => {
                self.bring(before.last().cloned(), before);
            }
            UseTree::Name(name) => {
                let path = with(&name.ident);
                self.bring(path.last().cloned(), &path);
            }
            UseTree::Rename(rename) if rename.ident == "self" => {
                self.bring(Some(rename.rename.to_string()), before);
            }
            UseTree::Rename(rename) => {
                self.bring(Some(rename.rename.to_string()), &with(&rename.ident));
            }
            UseTree::Glob(_) => self.module.paths.push(before.to_vec()),
        }
    }

    fn bring(&mut self, name: Option<String>, path: &[String]) {
        self.module.paths.push(path.to_vec());
        if let Some(name) = name {
            self.module.names.insert(name, path.to_vec());
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(ItemMod { attrs, ident, content, .. }) => {
                if is_for_tests(attrs) {
                    return;
                }
                if content.is_none() {
                    self.children.push(ident.to_string());
                }
            }
            Item::Use(item) => {
                if !is_for_tests(&item.attrs) {
                    self.use_tree(&item.tree, &[]);
                }
                return;
            }
            Item::Fn(item) if is_for_tests(&item.attrs) => return,
            Item::Impl(item) if is_for_tests(&item.attrs) => return,
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.module.paths.push(path.segments.iter().map(|part| part.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        // What a macro does with its tokens isn't known, but paths look like paths.
        let tokens = call.tokens.to_string();
        let mut words = tokens.split_whitespace().peekable();
        while let Some(word) = words.next() {
            if !matches!(word, "crate" | "super" | "self") {
                continue;
            }
            let mut path = vec![word.to_owned()];
            while words.next_if(|word| *word == "::").is_some()
                && let Some(word) = words.next_if(|word| word.starts_with(char::is_alphabetic))
            {
                path.push(word.to_owned());
            }
            if path.len() > 1 {
                self.module.paths.push(path);
            }
        }
        visit::visit_macro(self, call);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(in path)` gives a right; it uses nothing.
    }
}

impl Crate {
    /// Reads the crate whose root is the file `root`.
    pub(crate) fn read(root: &Path) -> Self {
        let mut all = Self::default();
        let folder = root.parent().expect("a folder");
        all.read_module(root, folder, Vec::new());
        all
    }

    fn read_module(&mut self, file: &Path, folder: &Path, path: ModulePath) {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let syntax = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let mut module = Module::default();
        let mut reader = Reader { module: &mut module, children: Vec::new() };
        reader.visit_file(&syntax);
        let children = reader.children;
        self.modules.insert(path.clone(), module);
        for child in children {
            let file = folder.join(format!("{child}.rs"));
            let path = path.iter().cloned().chain([child.clone()]).collect();
            self.read_module(&file, &folder.join(child), path);
        }
    }

    /// The names of the modules directly below the root.
    pub(crate) fn top(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().filter(|path| path.len() == 1).map(|path| &*path[0])
    }

    /// The module that a path leads to, seen from `from`. `None` if it leads out of the crate.
    fn resolve(&self, from: &ModulePath, path: &[String], hops: usize) -> Option<ModulePath> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => {
                let mut up = from.clone();
                up.pop()?;
                while let Some((word, behind)) = rest.split_first()
                    && word == "super"
                {
                    up.pop()?;
                    rest = behind;
                }
                up
            }
            _ => {
                rest = path;
                from.clone()
            }
        };
        let is_local = !matches!(first.as_str(), "crate" | "self" | "super");
        for (step, word) in rest.iter().enumerate() {
            let below: ModulePath = at.iter().cloned().chain([word.clone()]).collect();
            if self.modules.contains_key(&below) {
                at = below;
                continue;
            }
            // A name that the module has brought in stands for another path. A module's own `use`
            // is an arrow already, so that code that uses the name adds none.
            let target = self.modules.get(&at).and_then(|module| module.names.get(word));
            return match target {
                Some(target) if !(is_local && step == 0) && hops > 0 => {
                    self.resolve(&at, target, hops - 1)
                }
                _ if is_local && step == 0 => None,
                _ => Some(at),
            };
        }
        Some(at)
    }

    /// The arrows between the modules of one folder: from, to, and the file that has it.
    fn arrows(&self, folder: &[String]) -> BTreeMap<(String, String), String> {
        let mut arrows = BTreeMap::new();
        for (from, module) in &self.modules {
            let Some(own) = from.strip_prefix(folder).and_then(|rest| rest.first()) else {
                continue;
            };
            for path in &module.paths {
                let Some(to) = self.resolve(from, path, 8) else { continue };
                let Some(other) = to.strip_prefix(folder).and_then(|rest| rest.first()) else {
                    continue;
                };
                if own != other {
                    arrows
                        .entry((own.clone(), other.clone()))
                        .or_insert_with(|| format!("{}: {}", from.join("::"), path.join("::")));
                }
            }
        }
        arrows
    }

    /// Circles between siblings: the modules of each, with the arrows that close it.
    pub(crate) fn circles(&self) -> Vec<String> {
        let folders: BTreeSet<&[String]> = self
            .modules
            .keys()
            .filter_map(|path| path.split_last().map(|(_, folder)| folder))
            .collect();
        let mut found = Vec::new();
        for folder in folders {
            let arrows = self.arrows(folder);
            let reach = |from: &str| {
                let mut seen: BTreeSet<&str> = BTreeSet::new();
                let mut open = vec![from];
                while let Some(at) = open.pop() {
                    for (_, to) in arrows.keys().filter(|(own, _)| own == at) {
                        if seen.insert(to) {
                            open.push(to);
                        }
                    }
                }
                seen.into_iter().map(str::to_owned).collect::<BTreeSet<String>>()
            };
            let names: BTreeSet<&String> = arrows.keys().flat_map(|(a, b)| [a, b]).collect();
            let reach: BTreeMap<&String, BTreeSet<String>> =
                names.into_iter().map(|name| (name, reach(name))).collect();
            for ((from, to), place) in &arrows {
                if reach[to].contains(from) {
                    found.push(format!("{from} -> {to} ({place})"));
                }
            }
        }
        found
    }

    /// The arrows between top-level modules that don't lead downwards, given the modules from the
    /// lowest to the highest.
    pub(crate) fn upward(&self, floors: &[&str]) -> Vec<String> {
        let floor = |name: &str| floors.iter().position(|own| *own == name);
        let arrows = self.arrows(&[]).into_iter();
        let upward = arrows.filter(|((from, to), _)| floor(from) < floor(to));
        upward.map(|((from, to), place)| format!("{from} -> {to} ({place})")).collect()
    }
}
