//! The threads of a process, with the CPU time of each.

use std::fs;
use std::path::Path;

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its identifier; the first one's is the process's.
    pub id: u32,
    /// Its name, at most 15 octets.
    pub name: String,
    /// Nanoseconds on the CPU since it began.
    pub nanoseconds: u64,
    /// Processes that it has made and that haven't ended.
    pub children: Vec<u32>,
}

/// The threads that a process has now; none if it has ended.
#[must_use]
pub fn threads(process: u32) -> Vec<Thread> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    // One may end meanwhile.
    tasks.into_iter().flatten().flatten().filter_map(|task| thread(&task.path())).collect()
}

fn thread(task: &Path) -> Option<Thread> {
    let read = |name: &str| fs::read_to_string(task.join(name)).ok();
    Some(Thread {
        id: task.file_name()?.to_str()?.parse().ok()?,
        name: read("comm")?.trim().to_owned(),
        nanoseconds: read("schedstat")?.split(' ').next()?.parse().ok()?,
        children: read("children")?.split_whitespace().flat_map(str::parse).collect(),
    })
}
