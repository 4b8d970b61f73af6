//! Work on several threads, where the system gives any.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The threads that read; `None` where the system starts none, as in a container with a limit of processes.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    POOL.get_or_init(|| ThreadPoolBuilder::new().stack_size(2 << 20).build().ok()).as_ref()
}

/// Number of threads.
pub(super) fn threads() -> usize {
    pool().map_or(1, ThreadPool::current_num_threads)
}

/// Does work `on_threads`, with Rayon's iterators, or the same `alone` on the thread that calls. A caller that has threads
/// of Rayon's keeps to them.
pub(super) fn on_threads<W: Send, R: Send>(
    work: W,
    on_threads: impl FnOnce(W) -> R + Send,
    alone: impl FnOnce(W) -> R,
) -> R {
    if rayon::current_thread_index().is_some() {
        return on_threads(work);
    }
    match pool() {
        Some(pool) => pool.install(|| on_threads(work)),
        None => alone(work),
    }
}
