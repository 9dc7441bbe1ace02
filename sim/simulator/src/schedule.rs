//! Threads of which exactly one runs at a time, and time that passes only when all of them wait. Which
//! thread goes on at every point where one could be interrupted is decided by the seed, so a run is a
//! function of its seed, and every interleaving of the points is possible.
//!
//! The points are the operations of the disk ([`crate::disk`]), the waiting of the shard and of the
//! clients, and the beginnings of threads. Between two points a thread is not interrupted: what the
//! broker does there in memory is either under a lock or on the shard's own thread.
//!
//! When the simulated process dies ([`Schedule::go_down`]), every thread is let run to its end; none
//! of them finds a disk any more.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::random::Random;
use crate::trace::Trace;

/// Every run ends before this many steps, or it has hung.
const STEPS_MAX: u64 = 3_000_000;
/// Threads hold little; a simulation starts thousands of them.
const STACK_BYTES: usize = 512 << 10;

/// A thread of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task(usize);

/// The process is dead: whoever sees this has nothing more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down;

/// The scheduler of one simulated process.
pub struct Schedule {
    state: Mutex<State>,
    all_ended: Condvar,
}

struct State {
    random: Random,
    now: Duration,
    threads: Vec<Thread>,
    steps: u64,
    down_at: Option<u64>,
    down: bool,
    failure: Option<String>,
    trace: Trace,
}

struct Thread {
    name: String,
    state: Waiting,
    turn: Arc<Condvar>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// For its turn.
    Turn,
    /// It has the turn.
    Nothing,
    /// To be woken, or for this time.
    Wake(Option<Duration>),
    Ended,
}

thread_local! {
    static CURRENT: Cell<Option<Task>> = const { Cell::new(None) };
}

impl Schedule {
    /// A process that begins at `now` and is down by itself after `down_at` steps.
    pub fn new(random: Random, now: Duration, down_at: Option<u64>, trace: Trace) -> Arc<Self> {
        let state = State {
            random,
            now,
            threads: Vec::new(),
            steps: 0,
            down_at,
            down: false,
            failure: None,
            trace,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            all_ended: Condvar::new(),
        })
    }

    /// Starts a thread of the simulation. It runs when its turn comes.
    pub fn spawn(self: &Arc<Self>, name: &str, run: impl FnOnce() + Send + 'static) -> Task {
        let turn = Arc::new(Condvar::new());
        let task = {
            let mut state = self.state.lock();
            let task = Task(state.threads.len());
            state.threads.push(Thread {
                name: name.to_owned(),
                state: Waiting::Turn,
                turn,
            });
            task
        };
        let schedule = Arc::clone(self);
        let body = move || {
            CURRENT.set(Some(task));
            drop(schedule.take_turn(schedule.state.lock(), task));
            let outcome = panic::catch_unwind(AssertUnwindSafe(run));
            schedule.end(task, outcome.err().map(crate::failure::message));
        };
        let builder = thread::Builder::new().name(name.to_owned());
        let spawned = builder.stack_size(STACK_BYTES).spawn(body);
        spawned.expect("the operating system has a thread for a simulation");
        task
    }

    /// Gives the first turn and waits until every thread has ended.
    pub fn run(&self) -> Outcome {
        let mut state = self.state.lock();
        self.give_turn(&mut state);
        while state
            .threads
            .iter()
            .any(|thread| thread.state != Waiting::Ended)
        {
            self.all_ended.wait(&mut state);
        }
        Outcome {
            now: state.now,
            steps: state.steps,
            failure: state.failure.take(),
            trace: std::mem::take(&mut state.trace),
        }
    }

    /// The simulated time.
    pub fn now(&self) -> Duration {
        self.state.lock().now
    }

    /// Whether the process is dead.
    pub fn is_down(&self) -> bool {
        self.state.lock().down
    }

    /// Kills the process: the medium is gone, whoever waits is woken.
    pub fn go_down(&self) {
        self.state.lock().go_down();
    }

    /// Enters something into the trace of the run.
    pub fn note(&self, what: &str, values: &[u64]) {
        self.state.lock().trace.add(what, values);
    }

    /// Lets others run.
    pub fn pause(&self) -> Result<(), Down> {
        self.give_away(Waiting::Turn)
    }

    /// Lets others run while time passes.
    pub fn sleep(&self, time: Duration) -> Result<(), Down> {
        let until = self.now() + time;
        while self.now() < until {
            self.give_away(Waiting::Wake(Some(until)))?;
        }
        Ok(())
    }

    /// Waits to be woken, at most until `deadline`.
    pub fn wait(&self, deadline: Option<Duration>) -> Result<(), Down> {
        self.give_away(Waiting::Wake(deadline))
    }

    /// Has a thread that waits go on.
    pub fn wake(&self, task: Task) {
        let mut state = self.state.lock();
        let thread = &mut state.threads[task.0];
        if matches!(thread.state, Waiting::Wake(_)) {
            thread.state = Waiting::Turn;
        }
    }

    /// Waits for a future. `polled` is called when it has been polled once, which for a question to the
    /// broker means that it has been asked.
    pub fn wait_for<F: Future>(
        self: &Arc<Self>,
        future: F,
        polled: impl FnOnce(),
    ) -> Result<F::Output, Down> {
        let mut polled = Some(polled);
        self.drive(future, || {
            if let Some(polled) = polled.take() {
                polled();
            }
        })
    }

    /// Waits for a future. `polled` is called whenever it has been polled.
    pub fn drive<F: Future>(
        self: &Arc<Self>,
        future: F,
        mut polled: impl FnMut(),
    ) -> Result<F::Output, Down> {
        let task = current();
        let schedule = Arc::clone(self);
        let waker = Waker::from(Arc::new(TaskWaker { schedule, task }));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            let answer = future.as_mut().poll(&mut context);
            polled();
            match answer {
                // An answer that a dead process gave reached nobody.
                Poll::Ready(_) if self.is_down() => return Err(Down),
                Poll::Ready(answer) => return Ok(answer),
                Poll::Pending => self.wait(None)?,
            }
        }
    }

    /// The dead run on, so that they end; they are told.
    fn give_away(&self, how: Waiting) -> Result<(), Down> {
        let task = current();
        let mut state = self.state.lock();
        if !state.down {
            state.threads[task.0].state = how;
            self.give_turn(&mut state);
            state = self.take_turn(state, task);
        }
        if state.down { Err(Down) } else { Ok(()) }
    }

    fn take_turn<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        task: Task,
    ) -> MutexGuard<'a, State> {
        let turn = Arc::clone(&state.threads[task.0].turn);
        while state.threads[task.0].state != Waiting::Nothing {
            turn.wait(&mut state);
        }
        state
    }

    fn end(&self, task: Task, failure: Option<String>) {
        let mut state = self.state.lock();
        state.threads[task.0].state = Waiting::Ended;
        if let Some(failure) = failure {
            let failure = format!("{}: {failure}", state.threads[task.0].name);
            state.fail(failure);
        }
        self.give_turn(&mut state);
    }

    fn give_turn(&self, state: &mut State) {
        match state.choose() {
            Some(next) => {
                let thread = &mut state.threads[next.0];
                thread.state = Waiting::Nothing;
                thread.turn.notify_one();
            }
            None => {
                self.all_ended.notify_all();
            }
        }
    }
}

impl State {
    /// Who goes on; None when nobody is left.
    fn choose(&mut self) -> Option<Task> {
        self.steps += 1;
        if self.down_at.is_some_and(|at| self.steps >= at) {
            self.go_down();
        }
        if self.steps > STEPS_MAX {
            self.fail(format!("no end after {STEPS_MAX} steps"));
        }
        loop {
            let ready = self.in_state(|waiting| waiting == Waiting::Turn);
            if let Some(next) = self.random.pick(&ready).copied() {
                self.trace.add("turn", &[next as u64]);
                return Some(Task(next));
            }
            let asleep = self.in_state(|waiting| matches!(waiting, Waiting::Wake(_)));
            if asleep.is_empty() {
                return None;
            }
            let deadline = |index: &usize| match self.threads[*index].state {
                Waiting::Wake(deadline) => deadline,
                _ => None,
            };
            let Some(next) = asleep.iter().filter_map(deadline).min() else {
                let names = asleep.iter().map(|index| &self.threads[*index].name[..]);
                let names: Vec<_> = names.collect();
                self.fail(format!("nobody will ever wake {}", names.join(", ")));
                continue;
            };
            self.now = self.now.max(next);
            for thread in &mut self.threads {
                if matches!(thread.state, Waiting::Wake(Some(deadline)) if deadline <= self.now) {
                    thread.state = Waiting::Turn;
                }
            }
        }
    }

    fn in_state(&self, is: impl Fn(Waiting) -> bool) -> Vec<usize> {
        let threads = self.threads.iter().enumerate();
        threads
            .filter(|(_, thread)| is(thread.state))
            .map(|(index, _)| index)
            .collect()
    }

    fn go_down(&mut self) {
        self.down = true;
        for thread in &mut self.threads {
            if matches!(thread.state, Waiting::Wake(_)) {
                thread.state = Waiting::Turn;
            }
        }
    }

    fn fail(&mut self, failure: String) {
        self.failure.get_or_insert(failure);
        self.go_down();
    }
}

/// How a process ended.
#[derive(Debug)]
pub struct Outcome {
    /// When.
    pub now: Duration,
    /// How many turns were given.
    pub steps: u64,
    /// What was wrong, if anything.
    pub failure: Option<String>,
    /// What happened, to be compared with another run.
    pub trace: Trace,
}

struct TaskWaker {
    schedule: Arc<Schedule>,
    task: Task,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.schedule.wake(self.task);
    }
}

/// Who is running.
pub fn current() -> Task {
    CURRENT.get().expect("a thread of a simulation")
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({:?})", self.now())
    }
}
