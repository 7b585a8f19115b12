//! A loaded object, shared by a publisher and a test of the kernel tier.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edge_common::abi::TableId;
use edge_common::verdict::{Action, Verdict};
use edge_kernel::Kernel;
use edge_tables::publish::{Backend, BackendError};

/// The number by which the kernel knows an action.
#[must_use]
pub const fn number(action: Action) -> u32 {
    match action {
        Action::Aborted => 0,
        Action::Drop => 1,
        Action::Pass => 2,
        Action::Tx => 3,
    }
}

/// One test at a time has the kernel: its maps are large, and some tests count what there is.
static TURN: Mutex<()> = Mutex::new(());

/// A loaded object.
#[derive(Clone, Debug)]
pub struct Shared {
    kernel: Arc<Mutex<Kernel>>,
}

impl Shared {
    /// Loads the object, when no other test of this process has one loaded.
    pub fn load() -> (Self, MutexGuard<'static, ()>) {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let kernel = Kernel::load().expect("load the object; this tier needs root");
        (Self { kernel: Arc::new(Mutex::new(kernel)) }, turn)
    }

    /// The kernel.
    pub fn lock(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a publisher.
    #[must_use]
    pub fn backend(&self) -> Box<dyn Backend> {
        Box::new(self.clone())
    }

    /// How often each verdict was given.
    #[must_use]
    pub fn verdicts(&self) -> Vec<u64> {
        let verdicts = self.lock().verdicts();
        assert_eq!(verdicts.len(), Verdict::ALL.len());
        verdicts
    }
}

impl Backend for Shared {
    fn insert(&mut self, table: TableId) -> Result<(), BackendError> {
        Ok(self.lock().insert(table)?)
    }

    fn barrier(&mut self) -> Result<(), BackendError> {
        Ok(self.lock().barrier()?)
    }

    fn name(&mut self, _: &str, _: Option<TableId>) -> Result<(), BackendError> {
        Ok(())
    }
}
