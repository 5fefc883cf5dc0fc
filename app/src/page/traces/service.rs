//! The colour of a service: the same wherever it is shown.

use leptos::prelude::*;

/// How many colours there are: `--tint-0` and so on.
const TINTS: usize = 8;

/// Names of the colours in style sheets.
const KEYS: [&str; TINTS] = ["0", "1", "2", "3", "4", "5", "6", "7"];

/// The colour of a service, as style sheets know it: made from its name alone.
pub fn tint(service: &str) -> &'static str {
    KEYS[preferred(service)]
}

/// The colours of the services of one trace: each its own as long as there are enough; who comes first keeps it.
pub fn tints(services: &[String]) -> Vec<&'static str> {
    let mut taken = [false; TINTS];
    let of = |service: &String| {
        let first = preferred(service);
        let free = (0..TINTS).map(|step| (first + step) % TINTS).find(|at| !taken[*at]);
        let at = free.unwrap_or(first);
        taken[at] = true;
        KEYS[at]
    };
    services.iter().map(of).collect()
}

/// FNV-1a with 32 bits: short, and the same everywhere.
fn preferred(service: &str) -> usize {
    let hash = service.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) as usize % TINTS
}

/// A service with its colour.
#[component]
pub fn ServiceMark(
    /// Its name.
    name: String,
    /// Its colour.
    tint: &'static str,
) -> impl IntoView {
    view! {
        <span class="service-mark" data-service-tint=tint>
            <i aria-hidden="true"></i>
            {name}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_a_trace_differ_in_colour_while_there_are_enough() {
        let services: Vec<String> = (0..TINTS).map(|n| format!("service-{n}")).collect();
        let mut all = tints(&services);
        assert_eq!(all[0], tint("service-0"));
        all.sort_unstable();
        assert_eq!(all, KEYS);
    }

    #[test]
    fn more_services_than_colours_still_have_one() {
        let services: Vec<String> = (0..30).map(|n| format!("service-{n}")).collect();
        assert_eq!(tints(&services).len(), 30);
    }
}
