//! Several runs of one pipeline at once: while older candidates are on their way, newer ones come, people speak, and everything
//! crashes. To repeat a seed: `LOCKGATE_SEED=17 cargo test simulator::together`.

use super::*;

/// Whom a keeper starts runs for.
const KEEPER: &str = "lockgate";

/// What came about in a simulation, so that a test can tell that it tried what it says.
#[derive(Debug, Default)]
struct Seen {
    /// How many runs went on at once at most.
    runs: usize,
    /// How often a candidate came to dev while an older one was in a later environment.
    overtakes: u32,
    /// How often an older candidate gave way to a newer one that was faster.
    superseded: u32,
    /// How often a run used what another one had done meanwhile.
    reused: u32,
}

impl Simulation {
    /// Plans beside the runs that go on, and begins what may begin, as a keeper does.
    fn begin_beside(&mut self, live: &mut Vec<Live>) {
        let numbers: Vec<u64> = live.iter().map(|run| run.progress.run).collect();
        let beside: Beside = self.state.beside(0).into_iter().filter(|(run, _)| numbers.contains(run)).collect();
        let mut run = self.begin(KEEPER, &beside);
        if !wants(&run.plan, &self.state, KEEPER, self.now) || !may_begin(&run.plan, &self.state) {
            return;
        }
        match self.step(&mut run) {
            None => live.push(run),
            Some(End::Crashed) => self.abandon(run),
            Some(End::Finished(_)) => {}
        }
    }

    /// What makes runs meet: changes come, and people say yes.
    fn press_on(&mut self) {
        *self.outside.heads.entry("app".to_string()).or_default() += 1;
        for environment in ["staging", "prod"] {
            for by in ["bob", "cid", "dan"] {
                self.say(by, Saying::Approve { environment: environment.to_string(), subplan: None });
            }
        }
    }

    /// One of the runs makes a turn.
    fn step_one(&mut self, live: &mut Vec<Live>) {
        if live.is_empty() {
            return;
        }
        let at = self.dice.below(live.len() as u64) as usize;
        match self.step(&mut live[at]) {
            None => {}
            Some(End::Crashed) => self.abandon_all(live),
            Some(End::Finished(_)) => drop(live.remove(at)),
        }
    }

    fn abandon_all(&mut self, live: &mut Vec<Live>) {
        live.drain(..).for_each(|run| self.abandon(run));
    }

    /// What must be true while runs go on.
    fn assert_together(&self, live: &[Live]) {
        for (name, place) in &self.state.memory.environments {
            if let Some(taken) = &place.taken {
                assert!(self.state.open.contains_key(&taken.run), "I27: a run that is over is in {name}: {taken:?}");
            }
        }
        let environments = self.graph.pipeline().environments.len();
        assert!(live.len() <= environments + 1, "there are more runs than places for them");
        for run in live {
            assert!(self.state.open.contains_key(&run.progress.run), "a run that goes on is known to");
        }
    }
}

fn simulate_together(seed: u64) -> Seen {
    let mut simulation = Simulation::new(seed);
    let (mut live, mut seen) = (Vec::new(), Seen::default());
    for _ in 0..400 {
        let crashes = simulation.crashes;
        match simulation.dice.below(16) {
            0 => simulation.stir(),
            1..=5 => simulation.begin_beside(&mut live),
            6 => simulation.press_on(),
            _ => simulation.step_one(&mut live),
        }
        if simulation.crashes != crashes {
            simulation.abandon_all(&mut live);
        } else {
            simulation.assert_together(&live);
        }
        simulation.assert_invariants();
        seen.runs = seen.runs.max(live.len());
    }
    simulation.faults = false;
    for _ in 0..10_000 {
        simulation.step_one(&mut live);
    }
    assert!(live.is_empty(), "I28: runs do not come to an end: {:?}", simulation.state.open);
    simulation.assert_ledger();
    look_back(&simulation, &mut seen);
    simulation.settle();
    simulation.crash();
    simulation.assert_invariants();
    simulation.assert_ledger();
    seen
}

/// What the journal tells of runs that went on at once.
fn look_back(simulation: &Simulation, seen: &mut Seen) {
    let mut state = State::default();
    for record in &simulation.journal {
        let inside = |place: &lockgate::plan::memory::Place| place.taken.as_ref().is_some_and(|t| t.run != record.run);
        let elsewhere = state.memory.environments.iter().any(|(name, place)| name != "dev" && inside(place));
        match &record.event {
            Event::HasCandidate { environment, .. } if environment == "dev" && elsewhere => seen.overtakes += 1,
            Event::Superseded { candidate, by, .. }
                if state
                    .open
                    .get(&record.run)
                    .is_some_and(|run| run.candidate == *candidate && run.candidate != *by) =>
            {
                seen.superseded += 1;
            }
            Event::StepReused { .. } | Event::StepsReused { .. } if state.open.len() > 1 => seen.reused += 1,
            _ => {}
        }
        state.apply(record);
    }
}

#[test]
fn several_runs_at_once_keep_the_invariants() {
    let read = |name: &str| std::env::var(name).ok().and_then(|s| s.parse::<u64>().ok());
    let seeds: Vec<u64> = match read("LOCKGATE_SEED") {
        Some(seed) => vec![seed],
        None => (0..read("LOCKGATE_SEEDS").unwrap_or(30)).collect(),
    };
    let mut all = Seen::default();
    let several = seeds.len() > 20;
    for seed in seeds {
        match std::panic::catch_unwind(|| simulate_together(seed)) {
            Ok(seen) => {
                all.runs = all.runs.max(seen.runs);
                all.overtakes += seen.overtakes;
                all.superseded += seen.superseded;
                all.reused += seen.reused;
            }
            Err(fault) => {
                eprintln!("to repeat: LOCKGATE_SEED={seed} cargo test simulator::together");
                std::panic::resume_unwind(fault);
            }
        }
    }
    if several {
        assert!(all.runs >= 2 && all.overtakes > 0, "nothing of it was tried: {all:?}");
    }
}
