//! Figures beside their budgets.

/// What was measured.
#[derive(Default)]
pub struct Report(Vec<Line>);

struct Line {
    what: String,
    measured: f64,
    budget: f64,
    unit: &'static str,
    /// Whether the budget is the least that is wanted, not the most.
    at_least: bool,
}

impl Report {
    /// A figure that should stay below its budget.
    pub fn below(&mut self, what: &str, measured: f64, budget: f64, unit: &'static str) {
        self.add(Line { what: what.to_owned(), measured, budget, unit, at_least: false });
    }

    /// A figure that should reach its budget.
    pub fn at_least(&mut self, what: &str, measured: f64, budget: f64, unit: &'static str) {
        self.add(Line { what: what.to_owned(), measured, budget, unit, at_least: true });
    }

    fn add(&mut self, line: Line) {
        println!("  {}: {} {}", line.what, number(line.measured), line.unit);
        self.0.push(line);
    }

    /// Prints everything as one table.
    pub fn print(&self) {
        let width = self.0.iter().map(|line| line.what.chars().count()).max().unwrap_or_default();
        println!("{:width$}  {:>14}  {:>16}", "", "measured", "budget");
        for line in &self.0 {
            let holds = if line.at_least { line.measured >= line.budget } else { line.measured <= line.budget };
            let measured = format!("{} {}", number(line.measured), line.unit);
            let bound = if line.at_least { "≥" } else { "≤" };
            let budget = format!("{bound} {} {}", number(line.budget), line.unit);
            let verdict = if holds { "" } else { "  MISSED" };
            println!("{:width$}  {measured:>14}  {budget:>16}{verdict}", line.what);
        }
        let missed = self
            .0
            .iter()
            .filter(|line| if line.at_least { line.measured < line.budget } else { line.measured > line.budget });
        match missed.count() {
            0 => println!("\nEvery budget holds."),
            missed => println!("\n{missed} of {} budgets missed.", self.0.len()),
        }
    }
}

/// Three significant digits, large numbers with separators.
fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The value below which the share `q` of the values lies; 0 of none.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * q).ceil() as usize).copied().unwrap_or_default()
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}
