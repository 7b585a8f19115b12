//! The map `PREFIXES`, replaced entry by entry while packets look up in it.

use aya::maps::lpm_trie::{Key, LpmTrie};
use edge_common::abi::maps;

use super::{Kernel, KernelError};
use edge_tables::backend_error::BackendError;
use edge_tables::prefixes::{Prefix, PrefixMap, Prefixes, Rule, Step};

const fn key(prefix: &Prefix) -> Key<[u8; 16]> {
    Key::new(prefix.bits, prefix.octets)
}

impl Kernel {
    /// Replaces the rules of client prefixes.
    ///
    /// A client that both old and new rules deny is denied all the time.
    ///
    /// # Errors
    /// When the kernel refuses an entry. Then some rules of the map are old ones, and some new.
    pub fn set_prefixes(&mut self, prefixes: &Prefixes) -> Result<(), KernelError> {
        let name = maps::PREFIXES;
        let map = self.ebpf.map_mut(name).ok_or(KernelError::Object { name })?;
        let mut trie: LpmTrie<_, [u8; 16], u32> =
            LpmTrie::try_from(map).map_err(KernelError::map(name))?;
        // The old rules are read from the map, because an earlier call may have failed half-way.
        let mut old = Vec::new();
        for entry in trie.iter() {
            let (key, value) = entry.map_err(KernelError::map(name))?;
            let rule = if value == Rule::Deny.value() { Rule::Deny } else { Rule::Exempt };
            old.push((Prefix { bits: key.prefix_len(), octets: key.data() }, rule));
        }
        for step in prefixes.steps_from(&old.into_iter().collect()) {
            match step {
                Step::Insert(prefix, rule) => trie.insert(&key(&prefix), rule.value(), 0),
                Step::Remove(prefix) => trie.remove(&key(&prefix)),
            }
            .map_err(KernelError::map(name))?;
        }
        Ok(())
    }
}

impl PrefixMap for Kernel {
    fn set_prefixes(&mut self, prefixes: &Prefixes) -> Result<(), BackendError> {
        Self::set_prefixes(self, prefixes).map_err(Into::into)
    }
}
