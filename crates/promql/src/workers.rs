//! Work over many series on all cores. Threads are started for one operator of one query and end
//! with it, so queries share the cores as the operating system shares them, and a heavy query never
//! stands before a light one in a queue.

use std::iter::Enumerate;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::budget::Budget;
use crate::error::QueryError;
use crate::room::Room;

/// What a thread has to have to do to be worth starting, in samples: at about 2 ns a sample some
/// 200 us, against the 20 to 50 us that its start takes.
const WORTH_A_THREAD: usize = 100_000;

/// Does `work` for each item, on several threads once it proves to be much. Results are in order of
/// the items. The first error ends all.
pub(crate) fn run<I, T, W>(budget: &Budget<'_>, items: I, work: W) -> Result<Vec<T>, QueryError>
where
    I: ExactSizeIterator + Send,
    I::Item: Send,
    T: Send,
    W: Fn(I::Item, &mut Room) -> Result<T, QueryError> + Sync,
{
    let mut left = items.len();
    let mut done = Vec::with_capacity(left);
    let mut items = items.enumerate();
    let mut room = budget.room();
    let before = room.cost;
    let mut threads = 1;
    while threads == 1 {
        let Some((_, item)) = items.next() else { break };
        done.push(work(item, &mut room)?);
        budget.settle(&mut room)?;
        left -= 1;
        let to_do = (room.cost - before).saturating_mul(left) / done.len();
        threads = budget.threads().min(to_do / WORTH_A_THREAD).min(left).max(1);
    }
    if threads > 1 {
        let shared =
            Shared { budget, items: Mutex::new(items), stop: AtomicBool::new(false), work };
        let mut rest = shared.on_threads(threads, &mut room)?;
        rest.sort_unstable_by_key(|(at, _)| *at);
        done.extend(rest.into_iter().map(|(_, result)| result));
    }
    budget.leave(room);
    Ok(done)
}

struct Shared<'a, 'q, I, W> {
    budget: &'a Budget<'q>,
    items: Mutex<Enumerate<I>>,
    stop: AtomicBool,
    work: W,
}

impl<I, W> Shared<'_, '_, I, W> {
    fn on_threads<T>(&self, count: usize, room: &mut Room) -> Result<Vec<(usize, T)>, QueryError>
    where
        I: Iterator + Send,
        I::Item: Send,
        T: Send,
        W: Fn(I::Item, &mut Room) -> Result<T, QueryError> + Sync,
    {
        thread::scope(|scope| {
            let name =
                || thread::Builder::new().name("promql".to_owned()).stack_size(self.budget.stack);
            let help = || {
                let mut room = self.budget.room();
                let done = self.until_empty(&mut room);
                self.budget.leave(room);
                done
            };
            // A thread that the system refuses is one fewer.
            let started: Vec<_> =
                (1..count).filter_map(|_| name().spawn_scoped(scope, help).ok()).collect();
            let mut done = self.until_empty(room)?;
            for thread in started {
                match thread.join() {
                    Ok(more) => done.extend(more?),
                    Err(cause) => std::panic::resume_unwind(cause),
                }
            }
            Ok(done)
        })
    }

    fn until_empty<T>(&self, room: &mut Room) -> Result<Vec<(usize, T)>, QueryError>
    where
        I: Iterator,
        W: Fn(I::Item, &mut Room) -> Result<T, QueryError>,
    {
        let mut done = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let next = self.items.lock().ok().and_then(|mut items| items.next());
            let Some((at, item)) = next else { break };
            let result = (self.work)(item, room);
            match result.and_then(|result| self.budget.settle(room).map(|()| result)) {
                Ok(result) => done.push((at, result)),
                Err(error) => {
                    self.stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(done)
    }
}
