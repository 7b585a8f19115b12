//! The ring of sampled frames.
//!
//! The program samples frames that it sends and frames that it drops. A reader takes them out here.

use aya::maps::{MapData, PerCpuArray, RingBuf};
use edge_common::abi::{Sample, maps};
use edge_common::verdict::{Action, Verdict};
use zerocopy::FromBytes as _;

use super::{Kernel, KernelError};
use edge_tables::samples;

/// Samples taken at a time. Without this limit a program that samples faster than they are taken
/// would keep the reader in its loop.
const MOST: usize = 1 << 12;

/// The ring of samples, and the number of samples that found it full.
pub struct Samples {
    ring: RingBuf<MapData>,
    lost: PerCpuArray<MapData, u64>,
    dropped: Option<Box<TakeDropped>>,
}

/// A function that takes the verdict on a dropped frame, and the frame or its beginning.
pub type TakeDropped = dyn FnMut(Verdict, &[u8]) + Send;

impl Samples {
    /// From now on, gives the dropped frames to `take` whenever the ring is read.
    pub fn report_dropped(&mut self, take: Box<TakeDropped>) {
        self.dropped = Some(take);
    }
}

impl Kernel {
    /// Takes the ring of samples; there is only one. From now on, one in `one_in` answers is
    /// sampled, none if it is 0.
    ///
    /// # Errors
    /// When it is taken already.
    pub fn sample(&mut self, one_in: u32) -> Result<Samples, KernelError> {
        let mut take = |name| self.ebpf.take_map(name).ok_or(KernelError::Object { name });
        let (ring, lost) = (take(maps::SAMPLES)?, take(maps::SAMPLES_LOST)?);
        let samples = Samples {
            ring: RingBuf::try_from(ring).map_err(KernelError::map(maps::SAMPLES))?,
            lost: PerCpuArray::try_from(lost).map_err(KernelError::map(maps::SAMPLES_LOST))?,
            dropped: None,
        };
        self.set_sample(one_in);
        Ok(samples)
    }
}

impl samples::Samples for Samples {
    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) {
        for _ in 0..MOST {
            let Some(entry) = self.ring.next() else { return };
            let Ok((sample, _)) = Sample::ref_from_prefix(&entry) else { continue };
            let octets = usize::try_from(sample.octets).unwrap_or_default();
            let frame = sample.frame.get(..octets).unwrap_or(&sample.frame);
            let verdict = usize::try_from(sample.verdict).ok();
            let Some(verdict) = verdict.and_then(|at| Verdict::ALL.get(at)) else { continue };
            match (verdict.action(), &mut self.dropped) {
                (Action::Drop, Some(dropped)) => dropped(*verdict, frame),
                (Action::Drop, None) => {}
                _ => take(frame),
            }
        }
    }

    fn lost(&self) -> u64 {
        // The kernel always has an entry 0.
        self.lost.get(&0, 0).map(|lost| lost.iter().sum()).unwrap_or_default()
    }
}
